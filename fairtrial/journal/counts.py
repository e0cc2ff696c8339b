"""Counts what a writer lost and the requests that a worker assigned, in files that outlive lost records."""

import fcntl
import json
import os
import threading
import time
from array import array
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fairtrial.domain.events import Event, Exposure, Reason, RequestEvent
from fairtrial.domain.store_reports import Losses
from fairtrial.journal import segment
from fairtrial.journal.segment import MODE, file_name
from fairtrial.safe_files import has_writer

LOST_SUFFIX = ".lost"
FRESH_SECONDS = 60.0
LINE = "{:>20} {:>20} {:>20}\n"
"""Events lost, syncs refused, and when that last changed (microseconds since 1970, UTC)."""

ANALYSED: frozenset[Reason] = frozenset({"assigned", "fallback", "kill", "continued"})
"""Reasons of requests that count for the arm that their unit was assigned."""

ASSIGNED_SUFFIX = ".assigned"
CELLS = 4096
HEAD = 2048
"""Bytes before the counts of an arm, with its experiment, analysis hash and variant as JSON."""
REGION = HEAD + 4 * CELLS
ArmKey = tuple[str, str, str]
"""An experiment, the hash of its analysis plan, and a variant."""


class LossCounter:
    """Counts what a writer could not record, in the file ``<uuid7>-<writer>.lost`` beside the segments.

    The file is locked as long as its writer lives, and has a fixed size, so that even a full disk lets the writer
    overwrite it. It is removed at the end if nothing was lost. An error with the file is ignored, because the writer
    holds the counts itself.
    """

    def __init__(self, folder: Path, writer: str) -> None:
        self._path = folder / file_name(time.time_ns() // 1000, writer, LOST_SUFFIX)
        self.noted = (0, 0)
        self._fd: int | None = None
        try:
            self._fd = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, MODE)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(0, 0, 0)
        except OSError:
            self.close()

    @property
    def open(self) -> bool:
        """Whether anything can be written."""
        return self._fd is not None

    def note(self, lost: int, sync_failures: int) -> None:
        """Write the counts if they are new."""
        if self._fd is None or (lost, sync_failures) == self.noted:
            return
        try:
            self._write(lost, sync_failures, time.time_ns() // 1000)
        except OSError:
            return
        self.noted = (lost, sync_failures)

    def close(self) -> None:
        """Close the file, and keep it if it holds any loss."""
        if self._fd is None:
            return
        os.close(self._fd)
        self._fd = None
        if self.noted == (0, 0):
            self._path.unlink(missing_ok=True)

    def _write(self, *numbers: int) -> None:
        assert self._fd is not None
        os.pwrite(self._fd, LINE.format(*numbers).encode(), 0)


def has_requests(folder: Path) -> bool:
    """Whether a gateway recorded, lost or assigned requests in a journal's folder, or a store has ingested segments."""
    if read_losses(folder).last_us is not None or any(assigned.arms for assigned in read_assigned(folder)):
        return True
    return bool(segment.files(folder / segment.DONE)) or any(map(segment.has_request, segment.files(folder)))


def read_losses(folder: Path) -> Losses:
    """The losses of all writers of a folder, including those that have ended."""
    return sum((_read(path) for path in folder.glob(f"*{LOST_SUFFIX}")), Losses())


def prune_losses(folder: Path, before_us: int) -> None:
    """Delete the files of ended writers from before that time, and at once those without losses."""
    for path in folder.glob(f"*{LOST_SUFFIX}"):
        losses = _read(path)
        if (losses.last_us is None or losses.last_us < before_us) and _is_left(path):
            path.unlink(missing_ok=True)


def _is_left(path: Path) -> bool:
    """Whether its writer has ended. A file that was just created also looks so until it is locked."""
    try:
        age = abs(time.time() - path.stat().st_mtime)  # negative after the clock was set back
        return age > FRESH_SECONDS and not has_writer(path)
    except FileNotFoundError:
        return False


def _read(path: Path) -> Losses:
    try:
        lost, sync_failures, last_us = map(int, path.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return Losses()
    return Losses(lost, sync_failures, last_us or None)


@dataclass(frozen=True, slots=True)
class Assigned:
    """One writer's counts, by arm and cell. ``alive``: whether its writer may still count.

    ``began_ms``: when it began, in milliseconds since 1970, UTC.
    """

    path: Path
    source: str
    began_ms: int
    alive: bool
    arms: Mapping[ArmKey, Sequence[int]]


def arm_cell(
    experiment: str | None, variant: str | None, reason: Reason, exposure: Exposure | None
) -> tuple[ArmKey, int] | None:
    """The arm and the cell for which a request counts, or ``None`` if the analysis does not count it."""
    if exposure is None or exposure.arm_bucket is None or reason not in ANALYSED or not exposure.enrolled:
        return None
    return (experiment or "", exposure.analysis_hash, variant or ""), int(exposure.arm_bucket * CELLS)


@dataclass(slots=True)
class _Arm:
    """The counts of one arm, whether the file lacks some, and where its region begins, once it is allocated."""

    cells: "array[int]"
    changed: bool = True
    offset: int | None = None


class AssignmentCounts:
    """Counts the requests that a worker assigned, in the file ``<uuid7>-<writer>.assigned`` beside the segments.

    The file is locked as long as its writer lives. Each arm has a region of fixed size, which is allocated when it
    begins, so that a full disk lets the writer overwrite it. A request is counted after its line was written or lost,
    and the file follows within a second. What the file counts is therefore in the journal, unless its record is lost.
    An error with the file is ignored, because the writer holds the counts and tries again.

    An arm's counts lie in cells, each a 4096th of the range of arm buckets. The bucket of a unit decides its arm. So
    each unit lies in one cell, and the cells of the arms have the planned shares.

    ``source`` names the file in the headers of the writer's segments. It is empty if the file could not be created.
    """

    def __init__(self, folder: Path, writer: str) -> None:
        self.source = file_name(time.time_ns() // 1000, writer, "")
        self._path = folder / f"{self.source}{ASSIGNED_SUFFIX}"
        self._arms: dict[ArmKey, _Arm] = {}
        self._allocated = 0
        self._writing = threading.Lock()
        self._fd = self._create()
        if self._fd is None:
            self.source = ""

    def count(self, events: Sequence[Event]) -> None:
        """Count requests whose lines were just written or lost."""
        for event in events:
            if type(event) is RequestEvent:
                self.count_one(arm_cell(event.experiment, event.variant_assigned, event.reason, event.exposure))

    def count_one(self, place: tuple[ArmKey, int] | None) -> None:
        """Count one request for its arm and cell."""
        if place is not None:
            key, cell = place
            arm = self._arms.get(key) or self._arms.setdefault(key, _Arm(array("I", bytes(4 * CELLS))))
            arm.cells[cell] += 1
            arm.changed = True

    def note(self) -> None:
        """Write the counts that are new, while other threads may count.

        A file that was removed is created again with all counts.
        """
        with self._writing:
            if self._fd is None:
                return
            with suppress(OSError):
                if os.fstat(self._fd).st_nlink == 0:
                    self._create_again()
            for key, arm in tuple(self._arms.items()):
                if arm.changed:
                    arm.changed = False  # before the counts are read, so that none is missed
                    try:
                        self._write(key, arm)
                    except OSError:
                        arm.changed = True

    def close(self) -> None:
        """Write what is new and close the file; delete it if nothing was counted."""
        self.note()
        with self._writing:
            if self._fd is None:
                return
            os.close(self._fd)
            self._fd = None
            if not self._arms:
                self._path.unlink(missing_ok=True)

    def _create(self) -> int | None:
        """An empty file, which gets its name once it is locked, so that its writer never seems to have ended."""
        hidden = self._path.with_name(f".{self._path.name}.new")
        try:
            fd = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, MODE)
        except OSError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden.rename(self._path)
        except OSError:
            os.close(fd)
            hidden.unlink(missing_ok=True)
            return None
        return fd

    def _create_again(self) -> None:
        created = self._create()
        if created is not None and self._fd is not None:
            os.close(self._fd)
            self._fd, self._allocated = created, 0
            for arm in tuple(self._arms.values()):
                arm.changed, arm.offset = True, None

    def _write(self, key: ArmKey, arm: _Arm) -> None:
        assert self._fd is not None
        head = json.dumps(key).encode().ljust(HEAD - 1) + b"\n"
        if len(head) != HEAD:
            raise OSError("the names of the arm are too long")
        if arm.offset is None:
            os.posix_fallocate(self._fd, self._allocated, REGION)
            arm.offset, self._allocated = self._allocated, self._allocated + REGION
        os.pwrite(self._fd, head + arm.cells.tobytes(), arm.offset)


def read_assigned(folder: Path) -> list[Assigned]:
    """The counts of all writers of a folder, including those that have ended. Read them before the segments."""
    counts = []
    for path in sorted(folder.glob(f"*{ASSIGNED_SUFFIX}")):
        with suppress(OSError, ValueError):
            began_ms = int(path.name[:13].replace("-", ""), 16)
            alive = has_writer(path)  # before the counts, because a live writer may still add some
            counts.append(
                Assigned(path, path.name.removesuffix(ASSIGNED_SUFFIX), began_ms, alive, _arms(path.read_bytes()))
            )
    return counts


def _arms(content: bytes) -> dict[ArmKey, Sequence[int]]:
    arms: dict[ArmKey, Sequence[int]] = {}
    for start in range(0, len(content) - REGION + 1, REGION):
        head = content[start : start + HEAD].strip(b"\0 \n")
        if head:  # an allocated region may not have been written yet
            with suppress(ValueError):
                experiment, analysis_hash, variant = json.loads(head)
                counts = array("I")
                counts.frombytes(content[start + HEAD : start + REGION])
                arms[experiment, analysis_hash, variant] = counts
    return arms
