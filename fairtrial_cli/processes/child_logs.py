"""Opens, reads and rotates the logs of child processes, keeping only the last few."""

import os
import shutil
from pathlib import Path

from fairtrial.domain.limits.constants import PRIVATE

LARGEST = 8 * 2**20
MAX_ROTATED = 3
TAIL_LINES, TAIL_BYTES = 20, 16_384


def open_log(path: Path) -> int:
    """Open the log, or /dev/null if that fails, because a service must start without a log too."""
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(path, flags, PRIVATE)
    except OSError:
        return os.open(os.devnull, flags)


def tail_of(log: Path, start: int) -> str:
    """The last lines of the log from this byte on."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(start, end - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        return f"{log}: can't be read ({error.strerror})"
    return "\n".join(lines[-TAIL_LINES:])


def rotate(log: Path, *, largest: int = LARGEST, copies: int = MAX_ROTATED) -> bool:
    """Rotate the log to ``.1`` if it is too large, and delete the oldest one. Raises `OSError`.

    A rotated log is copied and truncated, because the process keeps its file open.
    """
    if not log.exists() or log.stat().st_size <= largest:
        return False
    for number in range(copies, 1, -1):
        younger = _rotated(log, number - 1)
        if younger.exists():
            younger.replace(_rotated(log, number))
    _copy(log, _rotated(log, 1))
    os.truncate(log, 0)  # lines written at this moment may be lost; the process appends at the new end
    return True


def _rotated(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")


def _copy(source: Path, target: Path) -> None:
    fd = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    with source.open("rb") as file, os.fdopen(fd, "wb") as out:
        shutil.copyfileobj(file, out)
