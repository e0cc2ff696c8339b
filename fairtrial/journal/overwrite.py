"""Overwrites lines of a file with blanks in place, so that later lines keep their position and writers can continue.

The ledger of offsets counts positions, so a segment stays valid for it. In a file of JSON lines, a line that begins
with a blank was being overwritten when the program died. It is finished, whatever it holds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

PIECE = 8 * 2**20


def blank_lines(path: Path, unwanted: Callable[[bytes], bool], *, end: int | None = None) -> int:
    """Overwrite each unwanted line that begins before ``end`` (the end of the file); returns how many there were.

    The rest after the last newline counts as a line. The change is synced to the disk. The modification time stays as
    it was, because retention goes by it. Raises `OSError`.
    """
    blanked = 0
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        before = os.fstat(fd)
        end = before.st_size if end is None else end
        position = 0
        while position < end:
            lines = _lines_from(fd, position, end)
            for line in lines:
                if line.strip() and unwanted(line):
                    os.pwrite(fd, b" " * len(line.rstrip(b"\n")), position)
                    blanked += 1
                position += len(line)
        if blanked:
            os.utime(fd, ns=(before.st_atime_ns, before.st_mtime_ns))
            os.fsync(fd)
    finally:
        os.close(fd)
    return blanked


def _lines_from(fd: int, position: int, end: int) -> list[bytes]:
    """Whole lines, about one piece of them. The last one of the file may lack its newline."""
    found = os.pread(fd, min(PIECE, end - position), position)
    while found and b"\n" not in found and position + len(found) < end:
        found += os.pread(fd, min(PIECE, end - position - len(found)), position + len(found))
    cut = found.rfind(b"\n") + 1 if position + len(found) < end else len(found)
    lines = found[: cut or len(found)].split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def or_begun(unwanted: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    """The same test, plus JSON lines that an earlier run began to overwrite.

    Logs may have indented lines, so they need the plain test.
    """
    return lambda line: line.startswith(b" ") or unwanted(line)
