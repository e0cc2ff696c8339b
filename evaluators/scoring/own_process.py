"""Holds the process in which a scorer of a project runs, with a time limit for each answer.

A process that does not answer in time is killed, and the next answer gets a new one.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

WORKER = Path(__file__).with_name("own_worker.py")
SECONDS = 10.0
ENDING_S = 0.5
"""How long a process that closed its output may take to end."""
MOST_DEATHS = 5
"""After so many processes in a row that hung or ended, the scorer is not tried again."""
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")
"""The environment of the process, which has no keys of providers."""


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
        """What the function returns, ``None`` for a case that it can't score; raises `OwnScorerFailed`."""
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
        """How the process has ended, which no longer answers."""
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
