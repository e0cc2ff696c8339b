"""Implements a journal segment: an append-only file of JSON lines with one writer, which locks it while it lives.

The name is ``<uuid7>-<writer>.jsonl``, so that names sort by time. The first line is the header, each other one an
event. A writer holds `flock` on its segment for as long as it may append. A segment without a lock is complete. It is
created under a hidden name and renamed once it is locked, so that no reader mistakes a new segment for a complete one.
The owner of the store compresses a segment that is wholly in the store. Its file is then ``<name>.jsonl.zst``; its name
and the offsets in it stay those of the uncompressed bytes.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from fairtrial.domain.errors import JournalError
from fairtrial.domain.names.ids import ENTROPY_BYTES, uuid7

FIRST_VERSION = 1
"""The version of segments of runs, which every release reads. The first release wrote its traffic with it, too."""
SEGMENT_VERSION = 2
"""The version of segments of traffic, whose requests are one line each, and of the texts of suites.

The first release leaves such segments to a newer one.
"""
SUFFIX = ".jsonl"
COMPRESSED = ".zst"
"""Follows `SUFFIX` in the file name of a compressed segment: zstd frames (RFC 8878)."""
MODE = 0o600
_UNSAFE = re.compile(r"[^A-Za-z0-9_.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line of a segment: the format's version and the writer. ``at_us`` is microseconds since 1970, UTC.

    ``source``: the file with what its writer assigned, see `assignment_counts`; empty if the writer counts nothing.
    """

    writer: str
    pid: int
    at_us: int
    source: str = ""
    kind: Literal["journal"] = "journal"
    v: int = SEGMENT_VERSION


class Segment:
    """An open segment of this process: `append` whole lines, `sync` them to the disk, `close` to let it be sealed."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.size = 0
        self._fd = fd
        self._header_size = 0
        self._begun = time.monotonic()

    @classmethod
    def create(cls, folder: Path, writer: str, version: int = SEGMENT_VERSION, source: str = "") -> Segment:
        """A new locked segment with its header in it; raises `OSError`."""
        now_us = time.time_ns() // 1000
        name = file_name(now_us, writer, SUFFIX)
        hidden = folder / f".{name}"
        fd = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, MODE)
        try:
            segment = cls(folder / name, fd)
            header = Header(writer=writer, pid=os.getpid(), at_us=now_us, source=source, v=version)
            segment._write_header(hidden, header)
        except OSError:
            os.close(fd)
            hidden.unlink(missing_ok=True)
            raise
        return segment

    def _write_header(self, hidden: Path, header: Header) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        line = msgspec.json.encode(header) + b"\n"
        if self.append(line) != len(line):
            raise OSError(f"{self.path}: the header could not be written whole")
        self._header_size = self.size
        hidden.rename(self.path)

    @property
    def has_events(self) -> bool:
        """Whether anything but the header was written."""
        return self.size > self._header_size

    @property
    def age(self) -> float:
        """Seconds since it was created."""
        return time.monotonic() - self._begun

    @property
    def removed(self) -> bool:
        """Whether the file was deleted. What is written to it then is lost."""
        return os.fstat(self._fd).st_nlink == 0

    def append(self, lines: bytes) -> int:
        """Write in one call; returns how many bytes were written, which is less on a disk that becomes full."""
        written = os.write(self._fd, lines)
        self.size += written
        return written

    def sync(self) -> None:
        """Wait until the appended bytes are on the disk; raises `OSError`."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Release the lock. The segment then counts as complete."""
        os.close(self._fd)


def file_name(now_us: int, writer: str, suffix: str) -> str:
    """A name that no other writer has, and that sorts by time."""
    return f"{uuid7(now_us // 1000, os.urandom(ENTROPY_BYTES))}-{_UNSAFE.sub('_', writer)}{suffix}"


def names(folder: Path) -> list[Path]:
    """One file for each segment of a folder, oldest first; an absent folder has none.

    A segment that has a plain and a compressed file for a moment is listed with the plain one.
    """
    found = {segment_name(path): path for path in reversed(files(folder))}
    return [found[name] for name in sorted(found)]


def files(folder: Path) -> list[Path]:
    """All files of segments in a folder, sorted by name, the plain file of a segment before the compressed one."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if segment_name(path).endswith(SUFFIX) and path.name[0] != ".")


def segment_name(path: Path) -> str:
    """The segment's name, by which the ledger of offsets knows it, whether or not the file is compressed."""
    return path.name.removesuffix(COMPRESSED)


def is_compressed(path: Path) -> bool:
    """Whether the file holds zstd frames."""
    return path.name.endswith(SUFFIX + COMPRESSED)


def read_header(line: bytes, *, name: str) -> Header:
    """The header; `JournalError` if it is malformed, or of a version that this program doesn't know."""
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, RecursionError) as error:
        raise JournalError(f"{name}: the first line is not a journal header ({error})") from error
    if header.v > SEGMENT_VERSION:
        raise JournalError(f"{name}: journal version {header.v} is newer than this program (known: {SEGMENT_VERSION})")
    return header
