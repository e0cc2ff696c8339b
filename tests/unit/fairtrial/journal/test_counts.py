"""What a worker assigned is counted in a file that a full disk, a kill or a deleted folder can't make too high."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fairtrial.domain.events import RequestEvent
from fairtrial.journal import counts as counts_file, segment
from fairtrial.journal.counts import CELLS, Assigned, arm_cell, read_assigned
from fairtrial.journal.segment import names, read_header
from fairtrial.journal.writer import JournalWriter
from tests.fixtures.for_each import for_each
from tests.fixtures.store.samples import exposed, feedback, record

BASE, TUNED = ("tuned-vs-base", "a1", "base"), ("tuned-vs-base", "a1", "tuned")


def counting(folder: Path) -> JournalWriter:
    return JournalWriter(folder, writer="w0", counts_assigned=True)


def both_arms(first: int = 1) -> list[RequestEvent]:
    return [
        exposed(first, assigned="base", arm_bucket=0.25),
        exposed(first + 1, assigned="tuned", arm_bucket=0.75),
        exposed(first + 2, assigned="tuned", arm_bucket=0.75),
    ]


def only(folder: Path) -> Assigned:
    (assigned,) = read_assigned(folder)
    return assigned


def sums(folder: Path) -> dict[tuple[str, str, str], int]:
    return {arm: sum(cells) for arm, cells in only(folder).arms.items()}


def test_requests_are_counted_by_arm_and_cell_and_named_by_their_segments(tmp_path: Path) -> None:
    writer = counting(tmp_path)
    writer.append(*both_arms(), feedback(1), record(9))
    assert only(tmp_path).arms == {}, "the file follows"
    writer.look()
    assigned = only(tmp_path)
    assert assigned.alive and assigned.arms[TUNED][CELLS * 3 // 4] == 2
    assert sums(tmp_path) == {BASE: 1, TUNED: 2}
    (path,) = names(tmp_path)
    assert read_header(path.read_bytes().splitlines()[0], name=path.name).source == assigned.source
    writer.append(*both_arms(5))
    writer.close()
    assert not only(tmp_path).alive and sums(tmp_path) == {BASE: 2, TUNED: 4}


@for_each("more", ({"enrolled": False}, {"arm_bucket": None}, {"reason": "forced"}, {"reason": "not_enrolled"}))
def test_what_no_analysis_counts_is_not_counted(more: dict[str, object]) -> None:
    event = exposed(1, **more)
    assert arm_cell(event.experiment, event.variant_assigned, event.reason, event.exposure) is None


def test_a_writer_that_counts_nothing_leaves_no_file(tmp_path: Path) -> None:
    writer = counting(tmp_path)
    writer.append(feedback(1))
    writer.close()
    assert read_assigned(tmp_path) == []


def test_lost_lines_and_events_that_could_not_be_made_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = counting(tmp_path)

    def full(fd: int, lines: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segment.os, "write", full)
    writer.append(*both_arms())
    monkeypatch.undo()
    writer.lose((TUNED, 7))
    writer.lose(None)
    writer.close()
    assert writer.lost == 5 and sums(tmp_path) == {BASE: 1, TUNED: 3}


def test_counts_that_a_full_disk_refused_are_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = counting(tmp_path)
    writer.append(*both_arms())

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(counts_file.os, "posix_fallocate", full)
    writer.look()
    assert only(tmp_path).arms == {}
    monkeypatch.undo()
    writer.look()
    assert sums(tmp_path) == {BASE: 1, TUNED: 2}
    writer.close()


def test_a_deleted_folder_loses_no_counts(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    writer = counting(folder)
    writer.append(*both_arms())
    writer.look()
    before = only(folder).source
    shutil.rmtree(folder)
    writer.look()
    assert only(folder).source == before and sums(folder) == {BASE: 1, TUNED: 2}
    writer.close()


def test_a_folder_without_room_for_the_file_counts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(counts_file.fcntl, "flock", refused)
    counts = counts_file.AssignmentCounts(tmp_path, "w0")
    assert counts.source == "" and list(tmp_path.iterdir()) == []
    counts.count(both_arms())
    counts.close()


def test_damaged_files_are_ignored(tmp_path: Path) -> None:
    for name in ("x.assigned", "0190a0b0-c0d0-7000-8000-000000000000-w0.assigned"):
        (tmp_path / name).write_bytes(b"{}" * counts_file.REGION)
    assert [assigned.arms for assigned in read_assigned(tmp_path)] == [{}]
