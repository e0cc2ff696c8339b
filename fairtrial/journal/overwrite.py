"""Lines of a file overwritten with blanks, in place: what follows keeps its position, and who appends isn't disturbed.

Positions are what the ledger of offsets counts in, so a segment stays the segment that it was. In a file of JSON lines
one that begins with a blank was being overwritten when the program died: it is finished, whatever it holds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

PIECE = 8 * 2**20


def blank_lines(path: Path, unwanted: Callable[[bytes], bool], *, end: int | None = None) -> int:
    """Overwrite each unwanted line that begins before ``end`` (the end of the file); returns how many there were.

    What follows the last newline counts as a line. Synced to the disk; when the file was last written to, by which
    retention goes, stays as it was. Raises `OSError`.
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
    """Whole lines, about a piece of them; the last one of the file without its newline if it has none."""
    found = os.pread(fd, min(PIECE, end - position), position)
    while found and b"\n" not in found and position + len(found) < end:
        found += os.pread(fd, min(PIECE, end - position - len(found)), position + len(found))
    cut = found.rfind(b"\n") + 1 if position + len(found) < end else len(found)
    lines = found[: cut or len(found)].split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def or_begun(unwanted: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    """The same test, and lines of JSON that somebody has begun to overwrite; a log may indent its lines."""
    return lambda line: line.startswith(b" ") or unwanted(line)
