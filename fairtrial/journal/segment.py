"""Implements a journal segment: an append-only file of JSON lines with one locked writer, and batched fsync calls."""

import fcntl
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from fairtrial.domain.errors import JournalError, printable
from fairtrial.domain.names.ids import id_at

FIRST_VERSION = 1
"""The version of segments of runs, which every release reads. The first release wrote its traffic with it, too."""
SEGMENT_VERSION = 2
"""The version of segments of traffic, whose requests are one line each, and of the texts of suites.

The first release leaves such segments to a newer one.
"""
SUFFIX = ".jsonl"
COMPRESSED = ".zst"
"""Follows `SUFFIX` in the file name of a compressed segment: zstd frames (RFC 8878)."""
DONE = "done"
"""The folder in a journal's folder for segments that are ingested completely."""
MODE = 0o600
_UNSAFE = re.compile(r"[^A-Za-z0-9_.]+")
WAITED_SECONDS = 0.005
"""How long a group is collected if an append waits for it."""

GROUP_SECONDS = 0.05
"""How long a group is collected otherwise.

Each group costs a busy worker as much as two requests.
"""

LINGER_SECONDS = 1.0
"""How long the thread polls after the last work, because waking it takes longer than a request's whole record."""

QUIET_SECONDS = 60.0
"""How often ``on_quiet`` is called while nothing is marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line of a segment: the format's version and the writer. ``at_us`` is microseconds since 1970, UTC.

    ``source``: the file with what its writer assigned, see `journal.counts`; empty if the writer counts nothing.
    ``name``: the segment's own, so that a copy under another one is recognised; empty in segments of earlier releases.
    """

    writer: str
    pid: int
    at_us: int
    source: str = ""
    name: str = ""
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
    def create(cls, folder: Path, writer: str, version: int = SEGMENT_VERSION, source: str = "") -> "Segment":
        """A new locked segment with its header in it; raises `OSError`."""
        now_us = time.time_ns() // 1000
        name = file_name(now_us, writer, SUFFIX)
        hidden = folder / f".{name}"
        fd = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, MODE)
        try:
            segment = cls(folder / name, fd)
            header = Header(writer=writer, pid=os.getpid(), at_us=now_us, source=source, name=name, v=version)
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

    def append(self, lines: bytes | bytearray) -> int:
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
    return f"{id_at(now_us)}-{_UNSAFE.sub('_', writer)}{suffix}"


def names(folder: Path) -> list[Path]:
    """One file for each segment of a folder, oldest first; an absent folder has none.

    A segment that has a plain and a compressed file for a moment is listed with the plain one.
    """
    paths = {segment_name(path): path for path in reversed(files(folder))}
    return [paths[name] for name in sorted(paths)]


def files(folder: Path) -> list[Path]:
    """All files of segments in a folder, sorted by name, the plain file of a segment before the compressed one."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if segment_name(path).endswith(SUFFIX) and path.name[0] != ".")


def has_request(path: Path) -> bool:
    """Whether a plain file has a record of a request, in any version."""
    with path.open("rb") as file:
        return any(b'"kind":"request"' in line for line in file)


def segment_name(path: Path) -> str:
    """The segment's name, by which the ledger of offsets knows it, whether or not the file is compressed."""
    return path.name.removesuffix(COMPRESSED)


def is_compressed(path: Path) -> bool:
    """Whether the file holds zstd frames."""
    return path.name.endswith(SUFFIX + COMPRESSED)


def read_header(line: bytes, *, name: str) -> Header:
    """The header; `JournalError` if it is malformed, of an unknown version, or of another segment than ``name``."""
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, RecursionError) as error:
        raise JournalError(f"{name}: the first line is not a journal header ({error})") from error
    if header.v > SEGMENT_VERSION:
        raise JournalError(f"{name}: journal version {header.v} is newer than this program (known: {SEGMENT_VERSION})")
    if header.name not in ("", name):
        raise JournalError(
            f"{name}: it is a copy of {printable(header.name)}, or was renamed, so it is not ingested (remove the "
            "copy, or restore the name)"
        )
    return header


class GroupSync:
    """Syncs the segments that are marked, and closes those that are retired.

    ``failed`` counts syncs that the disk refused. Tickets count marks: `wait` returns after the sync of a mark.
    ``on_quiet`` is called every `QUIET_SECONDS` while nothing is marked, and may retire a segment.
    """

    def __init__(self, on_quiet: Callable[[], None], *, seconds: float = GROUP_SECONDS) -> None:
        self._seconds = seconds
        self.failed = 0
        self._on_quiet = on_quiet
        self._changed = threading.Condition()
        self._marked = 0
        self._synced = 0
        self._segment: Segment | None = None
        self._retired: list[Segment] = []
        self._ending = self._asleep = False
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)
        self._thread.start()

    @property
    def marked(self) -> int:
        """How many marks there were."""
        return self._marked

    def mark(self, segment: Segment | None) -> int:
        """Have this segment and all retired ones synced soon; returns the ticket to wait for.

        Only one thread may call it at a time.
        """
        # No lock is taken: the segment is stored before the count, and the syncing thread reads the count first.
        # That thread must be woken only if it sleeps, and before it sleeps it checks the count once more.
        self._segment = segment
        self._marked += 1
        if self._asleep:
            with self._changed:
                self._changed.notify_all()
        return self._marked

    def wait(self, ticket: int) -> None:
        """Wait until everything marked up to this ticket has been synced, or the disk has refused it."""
        with self._changed:
            self._changed.wait_for(lambda: self._synced >= ticket)

    def retire(self, segment: Segment) -> None:
        """Have a complete segment synced and closed soon; returns at once."""
        with self._changed:
            self._retired.append(segment)
            if self._segment is segment:
                self._segment = None
            self._changed.notify_all()

    def close(self) -> None:
        """Finish what is marked and retired, and end the thread."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        last = time.monotonic()
        while not self._ending:
            if self._has_work():
                time.sleep(self._seconds)
                self._commit()
                last = time.monotonic()
            elif time.monotonic() - last < LINGER_SECONDS:
                time.sleep(self._seconds)
            elif not self._await_work():
                self._on_quiet()
        self._commit()

    def _has_work(self) -> bool:
        return self._marked > self._synced or bool(self._retired)

    def _await_work(self) -> bool:
        """Wait for work; false if a long time passed without any."""
        with self._changed:
            self._asleep = True
            try:
                return self._changed.wait_for(lambda: self._has_work() or self._ending, QUIET_SECONDS)
            finally:
                self._asleep = False

    def _commit(self) -> None:
        with self._changed:
            ticket, segment = self._marked, self._segment
            retired, self._retired = self._retired, []
        for old in retired:
            self._count_failure(old.sync)
            self._count_failure(old.close)  # some file systems report a failed write only now
        if segment is not None and segment not in retired:
            self._count_failure(segment.sync)
        with self._changed:
            self._synced = ticket
            self._changed.notify_all()

    def _count_failure(self, call: Callable[[], None]) -> None:
        try:
            call()
        except OSError:  # this thread must live
            self.failed += 1
