"""Starts the program of one scorer in its own process, and asks it for one value at a time, each by one deadline."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from evaluators.scoring.own_scorer.fence import hide_environment
from fairtrial.domain.errors import printable

PACKAGES = str(Path(__file__).parents[3])
WORKER = (
    "import sys; sys.path.insert(0, sys.argv[1]); from evaluators.scoring.own_scorer.worker import main; "
    "main(int(sys.argv[2]))"
)
"""A program, because without the environment and the current folder Python may not find the packages."""
ENDING_S = 0.5
"""How long a process that closed its output may take to end."""
MOST_DEATHS = 5
"""After so many processes in a row that hung or ended, the scorer is not tried again."""
MOST_REPLY = 65_536
"""Bytes of one value or error."""
CPU_S = 600
"""CPU seconds of one process, if one answer may not take longer; it is replaced after half of them."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")
"""The environment of the process, which has no keys of providers."""

NOT_TRUSTED = "it did not run, because the project does not trust it"


class OwnScorerFailed(Exception):
    """The scorer raised an error, did not answer in time, ended its process, or returned no number."""


class OwnProcess:
    """Evaluates one function of a file; it is started at the first answer. Threads take turns.

    ``refused``: why the program does not run; ``None`` once somebody has checked that the project trusts it.
    """

    def __init__(self, file: str, text: str, function: str, *, seconds: float) -> None:
        self.refused: str | None = NOT_TRUSTED
        self._given = json.dumps({"file": file, "text": text, "function": function})
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stop: Callable[[], Any] = lambda: None
        self._deaths = 0

    def value(self, arguments: Mapping[str, Any]) -> float | None:
        """The function's result, ``None`` for a case that it can't score; raises `OwnScorerFailed`."""
        line = json.dumps(arguments, default=str)
        with self._lock:
            if self.refused is not None:
                raise OwnScorerFailed(self.refused)
            if self._deaths >= MOST_DEATHS:
                raise OwnScorerFailed(f"it was stopped, because it hung or ended {MOST_DEATHS} times in a row")
            try:
                reply = _checked(json.loads(self._ask(line)))
            except (TimeoutError, EOFError, BrokenPipeError, ValueError, RecursionError) as error:
                self._deaths += 1
                raise OwnScorerFailed(self._end(error)) from error
            if reply.get("last"):
                self._kill()
        self._deaths = 0
        if "error" in reply:
            raise OwnScorerFailed(printable(str(reply["error"])))
        value: float | None = reply["value"]
        return value

    def _ask(self, line: str) -> bytes:
        if self._process is not None and self._process.poll() is not None:
            self._kill()
        process, question = self._process, f"{line}\n"
        if process is None:
            process, question = self._start(), f"{self._given}\n{question}"
        return _exchange(process, question.encode(), time.monotonic() + self._seconds)

    def _start(self) -> subprocess.Popen[bytes]:
        hide_environment()
        self._process = process = subprocess.Popen(
            [sys.executable, "-I", "-c", WORKER, PACKAGES, str(int(max(CPU_S, 4 * self._seconds)))],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            cwd=tempfile.gettempdir(),
            start_new_session=True,
        )
        self._stop = weakref.finalize(self, _stop, process)
        return process

    def _end(self, error: Exception) -> str:
        """Describe how the process failed, and end it."""
        process, code = self._process, None
        if isinstance(error, EOFError | BrokenPipeError) and process is not None:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(ENDING_S)
        self._kill()
        if isinstance(error, TimeoutError):
            return f"it did not answer within {self._seconds:g} seconds"
        if isinstance(error, ValueError | RecursionError):
            return "its process wrote something else than one value"
        return "its process ended" + ("" if code is None else f" with the code {code}")

    def _kill(self) -> None:
        self._process = None
        self._stop()


def _exchange(process: subprocess.Popen[bytes], question: bytes, deadline: float) -> bytes:
    """Write the question and read one line; raises `TimeoutError`, `EOFError`, and `ValueError` for anything else."""
    assert process.stdin is not None
    assert process.stdout is not None
    to, of, reply = process.stdin.fileno(), process.stdout.fileno(), b""
    os.set_blocking(to, False)
    poll = select.poll()
    poll.register(to, select.POLLOUT)
    poll.register(of, select.POLLIN)
    while not reply.endswith(b"\n"):
        ready = [number for number, _ in poll.poll(max(0.0, deadline - time.monotonic()) * 1000)]
        if not ready:
            raise TimeoutError
        if of in ready:
            part = os.read(of, MOST_REPLY)
            if not part:
                raise EOFError
            reply += part
            if question or len(reply) > MOST_REPLY:
                raise ValueError("an answer to no question, or a long one")
        elif question:
            question = question[os.write(to, question) :]
            if not question:
                poll.unregister(to)
    return reply


def _checked(reply: Any) -> dict[str, Any]:
    """The reply, if it has the form that the worker gives it; raises `ValueError`."""
    if not isinstance(reply, dict) or not ("error" in reply or isinstance(reply.get("value", ""), float | None)):
        raise ValueError("neither a value nor an error")
    return reply


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the session."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
