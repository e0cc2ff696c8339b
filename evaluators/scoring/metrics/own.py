"""Scores with a function of the project, which runs in a separate process."""

import ast
import hashlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.scoring.scorer import Compared, NamedText, ScorerType, Stat, references_of
from fairtrial.domain.run import Answer, Case, Score

WORKER = Path(__file__).parents[1] / "own_worker.py"
SECONDS = 10.0
ENDING_S = 0.5
"""How long a process that closed its output may take to end."""
MOST_DEATHS = 5
"""After so many processes in a row that hung or ended, the scorer is not tried again."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")
"""The environment of the process, which has no keys of providers."""

MARK = "scorer"
PARAMETERS = ("answer", "expected", "row")
KINDS: Mapping[str, str] = {"bool": "proportion", "float": "mean", "int": "mean"}


class OwnScorerFailed(Exception):
    """The scorer raised an error, did not answer in time, ended its process, or returned no number."""


class OwnProcess:
    """Evaluates one function of a file; it is started at the first answer. Threads take turns."""

    def __init__(self, file: str, text: str, function: str, *, seconds: float = SECONDS) -> None:
        self._given = json.dumps({"file": file, "text": text, "function": function})
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths = 0

    def value(self, arguments: Mapping[str, Any]) -> float | None:
        """The function's result, ``None`` for a case that it can't score; raises `OwnScorerFailed`."""
        line = json.dumps(arguments, default=str)
        with self._lock:
            if self._deaths >= MOST_DEATHS:
                raise OwnScorerFailed(f"it was stopped, because it hung or ended {MOST_DEATHS} times in a row")
            try:
                reply = json.loads(self._ask(line))
            except TimeoutError as error:
                self._deaths += 1
                self._kill()
                raise OwnScorerFailed(f"it did not answer within {self._seconds:g} seconds") from error
            except (OSError, ValueError) as error:
                self._deaths += 1
                raise OwnScorerFailed(self._end()) from error
        self._deaths = 0
        if "error" in reply:
            raise OwnScorerFailed(reply["error"])
        value: float | None = reply["value"]
        return value

    def _ask(self, line: str) -> bytes:
        process = self._process or self._start()
        _write(process, line)
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(self._seconds):
                raise TimeoutError
        return process.stdout.readline()

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = process = subprocess.Popen(
            [sys.executable, "-I", str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            cwd=tempfile.gettempdir(),
        )
        weakref.finalize(self, _stop, process)
        _write(process, self._given)
        return process

    def _end(self) -> str:
        """Describe how the process ended, which no longer answers."""
        code = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                code = self._process.wait(ENDING_S)
        self._kill()
        return "its process ended" + ("" if code is None else f" with the code {code}")

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _stop(process)


def _write(process: subprocess.Popen[bytes], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line.encode() + b"\n")
    process.stdin.flush()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


@dataclass(frozen=True, slots=True)
class Own:
    """``value``: what the function returns, 1 for ``True``; unscored for ``None``. A failure is a scorer error."""

    name: str
    digest: str
    stat: Stat
    parameters: tuple[str, ...]
    process: OwnProcess

    @property
    def version(self) -> str:
        return f"own/1 file:{self.digest}"

    @property
    def stats(self) -> Sequence[Stat]:
        return (self.stat,)

    @property
    def waits(self) -> bool:
        return True

    def score(self, case: Case, answer: Answer) -> Score:
        given = {"answer": answer.text or "", "expected": case.expected, "row": dict(case.fields)}
        value = self.process.value({name: given[name] for name in self.parameters})
        if value is not None and not 0 <= value <= self.stat.scale:
            raise ValueError(f"it returned {value:g}, which is not from 0 to {self.stat.scale:g}")
        return Score(self.name, {self.stat.name: value})

    def normalised(self, case: Case, answer: Answer) -> Compared:
        value = self.score(case, answer).values[self.stat.name]
        returned = "None" if value is None else f"{value:g}"
        return Compared(answer.text or "", references_of(case.expected), f"the function returns {returned}")


def build(options: Mapping[str, Any], name: str) -> Own:
    """One scorer from the text of a file, which is not run for this."""
    file = options.get("file")
    if not isinstance(file, NamedText):
        raise ValueError("file: name a Python file, such as scorers/polite.py")
    function, options_of_mark = _marked(file)
    names = tuple(argument.arg for argument in (*function.args.args, *function.args.kwonlyargs))
    strange = [argument for argument in names if argument not in PARAMETERS]
    if strange or "answer" not in names:
        raise ValueError(
            f"file: {function.name} takes {', '.join(names) or 'nothing'} (known: {', '.join(PARAMETERS)})"
        )
    seconds = options.get("seconds", SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 3600:
        raise ValueError(f"seconds: {seconds!r} is not a number from 0 to 3600")
    digest = hashlib.sha256(file.text.encode()).hexdigest()[:12]
    process = OwnProcess(file.name, file.text, function.name, seconds=seconds)
    return Own(name, digest, _stat(function, options_of_mark), names, process)


def _marked(file: NamedText) -> tuple[ast.FunctionDef, Mapping[str, Any]]:
    """The function that is marked as the scorer, and the options of the mark."""
    try:
        tree = ast.parse(file.text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ValueError(f"file: {file.name} is not a Python program: {error}") from error
    marked = [
        (node, mark)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for mark in node.decorator_list
        if ast.unparse(mark.func if isinstance(mark, ast.Call) else mark).split(".")[-1] == MARK
    ]
    if len(marked) != 1:
        raise ValueError(f"file: {file.name} has {len(marked)} functions with @scorer, and needs exactly one")
    function, mark = marked[0]
    keywords = mark.keywords if isinstance(mark, ast.Call) else []
    try:
        return function, {
            keyword.arg: ast.literal_eval(keyword.value) for keyword in keywords if keyword.arg is not None
        }
    except ValueError as error:
        raise ValueError(f"file: the options of @scorer in {file.name} must be literal values") from error


def _stat(function: ast.FunctionDef, options: Mapping[str, Any]) -> Stat:
    returned = "" if function.returns is None else ast.unparse(function.returns).removesuffix(" | None").strip("'\"")
    if returned not in KINDS:
        raise ValueError(f"file: {function.name} must say what it returns: -> bool, or -> float")
    scale, higher = options.get("scale", 1.0), options.get("higher_is_better", True)
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 < scale < float("inf"):
        raise ValueError(f"file: scale={scale!r} of {function.name} is not a number above 0")
    if KINDS[returned] == "proportion":
        return Stat("value", "proportion", higher_is_better=bool(higher))
    return Stat("value", "mean", higher_is_better=bool(higher), scale=float(scale))


scorer = ScorerType(
    summary="A function of the project, in a Python file, which measures one answer.",
    options={
        "file": "The Python file, relative to the suite. One of its functions has the mark `@scorer`.",
        "seconds": "How long one answer may take; 10 by default.",
    },
    build=build,
    short="file",
)
