"""The writer appends whole lines to its own segments, and counts disk errors instead of raising them."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from pathlib import Path

import pytest

from fairtrial.domain.events import FeedbackEvent
from fairtrial.domain.store_reports import Losses
from fairtrial.journal import segment as segments, writer as writers
from fairtrial.journal.counts import prune_losses, read_losses
from fairtrial.journal.reader import decode, read_chunk
from fairtrial.journal.segment import SEGMENT_VERSION, Segment, names, read_header
from fairtrial.journal.writer import JournalWriter
from fairtrial.safe_files import has_writer
from tests.fixtures.store import samples


def feedback(number: int) -> FeedbackEvent:
    # by hand: a short event, whose size the test knows, or one that can't be encoded
    return FeedbackEvent(feedback_id=f"f-{number}", at_us=number, key="resolved", boolean=True)


def events_in(folder: Path) -> list[object]:
    events: list[object] = []
    for path in names(folder):
        events += [decode(line) for line in read_chunk(path, 0).lines.splitlines()[1:]]
    return events


def test_what_is_appended_is_read_back_in_order(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, writer="worker-0")
    assert writer.append(feedback(1), feedback(2))
    assert writer.append(feedback(3))
    assert events_in(tmp_path) == [feedback(1), feedback(2), feedback(3)]
    writer.close()


def test_a_segment_begins_with_a_header_and_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, writer="worker/0")
    (path,) = names(tmp_path)
    header = read_header(read_chunk(path, 0).lines.splitlines()[0], name=path.name)
    assert (header.writer, header.pid, header.v) == ("worker/0", os.getpid(), SEGMENT_VERSION)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.name.endswith("-worker_0.jsonl")
    writer.close()


def test_a_segment_has_a_writer_until_it_is_closed(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, writer="w")
    (path,) = names(tmp_path)
    assert has_writer(path)
    writer.close()
    assert not has_writer(path)


def test_a_writer_that_has_fallen_silent_closes_an_old_segment_and_goes_on_in_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "QUIET_SECONDS", 0.02)
    writer = JournalWriter(tmp_path, writer="w")
    (empty,) = names(tmp_path)
    writer.append(feedback(1))
    time.sleep(0.1)
    assert has_writer(empty)  # it is not old
    monkeypatch.setattr(writers, "OLD_SECONDS", 0.05)
    deadline = time.monotonic() + 30
    while has_writer(empty):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    monkeypatch.setattr(writers, "OLD_SECONDS", 3600.0)
    assert names(tmp_path) == [empty]
    assert writer.append(feedback(2))
    assert [has_writer(path) for path in names(tmp_path)] == [False, True]
    assert events_in(tmp_path) == [feedback(1), feedback(2)]
    writer.close()


def test_a_segment_without_an_event_stays_open_however_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "QUIET_SECONDS", 0.01)
    monkeypatch.setattr(writers, "OLD_SECONDS", 0.0)
    writer = JournalWriter(tmp_path, writer="w")
    time.sleep(0.1)
    assert [has_writer(path) for path in names(tmp_path)] == [True]
    writer.close()


def test_each_writer_has_a_segment_of_its_own(tmp_path: Path) -> None:
    first, second = JournalWriter(tmp_path, writer="w"), JournalWriter(tmp_path, writer="w")
    assert len(names(tmp_path)) == 2
    first.close()
    second.close()


def test_threads_never_tear_each_others_lines(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, writer="w")
    threads = [
        threading.Thread(target=lambda start=start: [writer.append(feedback(start + n)) for n in range(200)])
        for start in range(0, 1600, 200)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {event.at_us for event in events_in(tmp_path)} == set(range(1600))  # type: ignore[attr-defined]
    writer.close()


def test_a_short_write_ends_the_segment_and_the_rest_goes_to_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter(tmp_path, writer="w")
    real, calls = os.write, []

    def short_once(fd: int, lines: bytes) -> int:
        calls.append(fd)
        return real(fd, lines[: len(lines) - 10] if len(calls) == 1 else lines)

    monkeypatch.setattr(segments.os, "write", short_once)
    assert writer.append(feedback(1), feedback(2))
    monkeypatch.undo()
    writer.close()
    old, new = sorted(names(tmp_path), key=lambda path: not read_chunk(path, 0).tail)
    assert decode(read_chunk(old, 0).lines.splitlines()[1]) == feedback(1)
    assert read_chunk(old, 0).tail
    assert decode(read_chunk(new, 0).lines.splitlines()[1]) == feedback(2)
    assert writer.lost == 0


def test_a_full_disk_is_counted_and_recording_resumes_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairtrial.journal.writer.REOPEN_SECONDS", 0.0)
    writer = JournalWriter(tmp_path, writer="w")

    def full(fd: int, lines: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segments.os, "write", full)
    assert not writer.append(feedback(1), feedback(2))
    assert writer.lost == 2
    monkeypatch.undo()
    assert writer.append(feedback(3))
    assert events_in(tmp_path) == [feedback(3)]
    writer.close()


def test_a_folder_that_is_gone_loses_events_but_never_raises(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "absent", writer="w")
    assert not writer.append(feedback(1))
    assert writer.lost == 1
    writer.close()


def test_an_event_that_can_not_be_written_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, writer="w")
    # by hand: a short event, whose size the test knows, or one that can't be encoded
    broken = FeedbackEvent(feedback_id="f", at_us=1, key="k", comment=object())  # type: ignore[arg-type]
    assert not writer.append(broken, feedback(2))
    assert (writer.lost, events_in(tmp_path)) == (1, [feedback(2)])
    writer.close()


def test_half_of_a_surrogate_pair_does_not_lose_the_event(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, writer="w")
    # by hand: a short event, whose size the test knows, or one that can't be encoded
    assert writer.append(FeedbackEvent(feedback_id="f", at_us=1, key="k", comment="so \ud83d sad"))
    assert writer.lost == 0
    (event,) = events_in(tmp_path)
    assert isinstance(event, FeedbackEvent)
    assert event.comment == "so ? sad"
    writer.close()


def test_half_of_a_surrogate_pair_in_an_attempt_does_not_lose_the_event(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, writer="w")
    assert writer.append(samples.record(1, attempts=[samples.attempt_of(1, error_message="bad \ud83d end")]))
    (path,) = names(tmp_path)
    assert b"bad ? end" in path.read_bytes()
    writer.close()


async def test_events_of_one_turn_are_one_write_and_each_is_reported_when_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter(tmp_path, writer="w")
    (path,) = names(tmp_path)
    sizes, written, append = [], [], Segment.append

    def counted(segment: Segment, lines: bytes) -> int:
        sizes.append(lines.count(b"\n"))
        return append(segment, lines)

    monkeypatch.setattr(Segment, "append", counted)
    for number in range(3):
        writer.append_together(samples.record(number), lambda: written.append(path.read_bytes().count(b"r-")))
    assert (sizes, written) == ([], [])
    await asyncio.sleep(0)
    assert (sizes, written) == ([3], [3, 3, 3])
    writer.append_together(samples.record(3), lambda: written.append(0))
    writer.close()
    assert (sizes, written[3:]) == ([3, 1], [0])


def test_losses_are_reported_to_others_and_outlive_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = JournalWriter(tmp_path, writer="w")
    assert read_losses(tmp_path) == Losses()

    def full(fd: int, lines: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segments.os, "write", full)
    writer.append(feedback(1), feedback(2))
    monkeypatch.undo()
    assert read_losses(tmp_path).lost == 2
    assert read_losses(tmp_path).last_us is not None
    writer.close()
    assert read_losses(tmp_path).lost == 2
    prune_losses(tmp_path, 1)
    assert read_losses(tmp_path).lost == 2


def test_a_writer_that_lost_nothing_leaves_no_note_and_a_dead_ones_is_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter(tmp_path, writer="w")
    writer.append(feedback(1))
    prune_losses(tmp_path, 2**62)
    (note,) = tmp_path.glob("*.lost")
    assert note.stat().st_mode & 0o777 == 0o600
    dead = tmp_path / "0-dead.lost"
    dead.write_bytes(note.read_bytes())
    writer.close()
    monkeypatch.setattr("fairtrial.journal.counts.FRESH_SECONDS", -1.0)
    assert list(tmp_path.glob("*.lost")) == [dead]
    prune_losses(tmp_path, 1)
    assert list(tmp_path.glob("*.lost")) == []


def test_appending_after_the_close_is_counted_as_lost(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, writer="w")
    writer.close()
    assert not writer.append(feedback(1))
    assert writer.lost == 1


def test_a_large_segment_is_followed_by_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairtrial.journal.writer.ROTATE_BYTES", 1000)
    writer = JournalWriter(tmp_path, writer="w")
    for number in range(20):
        assert writer.append(feedback(number))
        assert writer.able, "a full segment is no failure, though the next one is not open yet"
    writer.close()
    assert len(names(tmp_path)) > 1
    assert {event.at_us for event in events_in(tmp_path)} == set(range(20))  # type: ignore[attr-defined]


def test_a_synchronous_append_returns_after_the_disk_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = Segment.sync
    monkeypatch.setattr(Segment, "sync", lambda segment: (real(segment), synced.append(segment.size)))
    writer = JournalWriter(tmp_path, writer="w", sync=True)
    assert writer.append(feedback(1))
    assert synced
    assert synced[-1] == names(tmp_path)[0].stat().st_size
    writer.close()


@pytest.mark.release("stories")
def test_an_append_leaves_nothing_behind_in_memory(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, writer="w")
    writer.append(feedback(1), feedback(2))
    gc.collect()
    before = len(gc.get_objects())
    for number in range(300):
        writer.append(feedback(number), feedback(number))
    gc.collect()
    assert len(gc.get_objects()) < before + 100
    writer.close()
