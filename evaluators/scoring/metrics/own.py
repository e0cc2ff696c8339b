"""Scores with a function of the project, which runs in a separate process."""

import ast
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.own_scorer.process import OwnProcess
from evaluators.scoring.scorer import Compared, NamedText, ScorerType, Stat, references_of
from fairtrial.domain.run import Answer, Case, Score

SECONDS = 10.0
MARK = "scorer"
PARAMETERS = ("answer", "expected", "row")
KINDS: Mapping[str, str] = {"bool": "proportion", "float": "mean", "int": "mean"}


@dataclass(frozen=True, slots=True)
class Own:
    """``value``: what the function returns, 1 for ``True``; unscored for ``None``. A failure is a scorer error.

    ``sha256`` identifies the whole program, because nothing else of the project can be imported.
    """

    name: str
    file: NamedText
    sha256: str
    stat: Stat
    parameters: tuple[str, ...]
    process: OwnProcess

    @property
    def version(self) -> str:
        return f"own/1 file:{self.sha256[:12]}"

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
        # Whoever explains a stored score does not run the program.
        return Compared(answer.text or "", references_of(case.expected), "the function says so")


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
    sha256 = hashlib.sha256(file.text.encode()).hexdigest()
    process = OwnProcess(file.name, file.text, function.name, seconds=seconds)
    return Own(name, file, sha256, _stat(function, options_of_mark), names, process)


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
