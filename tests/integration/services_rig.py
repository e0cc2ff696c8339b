"""The services of a project for tests: started as a user does, asked without pause, and waited for."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

PATIENCE = 60.0
CLIENTS = 4


def fairtrial(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that comes to its end."""
    command = [sys.executable, "-m", "fairtrial.cli.main", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.02)


def up(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fairtrial.cli.main", "up", "--no-dashboard", *options]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until_up(process: subprocess.Popen[str]) -> str:
    said = ""
    assert process.stdout is not None
    while "Ctrl-C" not in said:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        said += line
    return said


class Load:
    """Clients that ask without pause; ``acknowledged`` holds the ids of answers that were 200 and read to the end."""

    def __init__(self, url: str) -> None:
        self.acknowledged: list[str] = []
        self.broken = 0
        self._url = url
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        body = {"model": "support-bot", "messages": [{"role": "user", "content": "hello"}]}
        turn = 0
        with httpx.Client(timeout=10.0, trust_env=False) as client:
            while not self._ending.is_set():
                turn += 1
                asked = body | {"user": f"u-{number}-{turn}"}
                if turn % 3 == 0:
                    asked |= {"stream": True, "fake": {"kind": "stream", "chunks": 2}}
                try:
                    answer = client.post(f"{self._url}/chat/completions", json=asked)
                except httpx.HTTPError:
                    self.broken += 1
                    time.sleep(0.01)
                    continue
                if answer.status_code == 200:
                    self.acknowledged.append(answer.headers["x-request-id"])
