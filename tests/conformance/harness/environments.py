"""The official clients that the cases run with: the environment's own, and 2.x in one that is made once."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from tests.fixtures.paths import ROOT

LOCK = ROOT / "requirements/openai2.lock"
FOLDER = ROOT / ".venv-openai2"


class NoEnvironment(Exception):
    """The environment could not be made; the message says why."""


def python_of(version: str) -> str:
    """The Python that has the client ``2`` or ``3``."""
    return sys.executable if version == "3" else _made()


def _made() -> str:
    python, mark = FOLDER / "bin/python", FOLDER / "made-from"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest() + sys.version
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != wanted:
            _install(python)
            mark.write_text(wanted)
    return str(python)


def _install(python: Path) -> None:
    """Install by uv if `scripts/install-locked` could use it here, because that takes a tenth of pip's time."""
    options = ("--quiet", "--no-deps", "--require-hashes", "-r", str(LOCK))
    uv = Path(sys.executable).with_name("uv")
    if uv.exists():
        _run(sys.executable, "-m", "venv", "--without-pip", str(FOLDER))
        _run(str(uv), "pip", "install", "--python", str(python), "--compile-bytecode", *options)
    else:
        _run(sys.executable, "-m", "venv", str(FOLDER))
        _run(str(python), "-m", "pip", "install", *options)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoEnvironment(f"openai 2.x can't be installed here: {(done.stderr or done.stdout).strip()[-300:]}")
