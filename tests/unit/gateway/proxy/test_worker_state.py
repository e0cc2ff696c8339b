"""Workers see each other's counters while they live. A broken folder shows no counters and raises nothing."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.metrics import Values
from gateway.proxy.worker_state import STALE_SECONDS, SharedCounters

COUNTS: Values = {"requests_total": [(("ok",), 3)]}


async def test_a_worker_s_counts_are_seen_by_the_others_until_it_ends(tmp_path: Path) -> None:
    first, two = SharedCounters(tmp_path, "w0"), SharedCounters(tmp_path, "w1")
    keeping = asyncio.create_task(first.keep(lambda: COUNTS))
    while list(two.others()) != [("w0", COUNTS)]:  # noqa: ASYNC110 - a file is waited for
        await asyncio.sleep(0.01)
    assert list(first.others()) == []
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    assert list(two.others()) == []


def test_counts_of_a_worker_that_died_are_not_shown_for_long(tmp_path: Path) -> None:
    SharedCounters(tmp_path, "w0").show(COUNTS)
    long_ago = (tmp_path / "w0.json").stat().st_mtime - 2 * STALE_SECONDS
    os.utime(tmp_path / "w0.json", (long_ago, long_ago))
    assert list(SharedCounters(tmp_path, "w1").others()) == []


def test_counts_of_a_worker_that_died_before_the_clock_was_set_back_are_not_shown(tmp_path: Path) -> None:
    SharedCounters(tmp_path, "w0").show(COUNTS)
    tomorrow = (tmp_path / "w0.json").stat().st_mtime + 24 * 3600
    os.utime(tmp_path / "w0.json", (tomorrow, tomorrow))
    assert list(SharedCounters(tmp_path, "w1").others()) == []


def test_a_worker_that_can_not_write_is_known_to_the_others_until_it_can(tmp_path: Path) -> None:
    full, healthy = SharedCounters(tmp_path, "w0"), SharedCounters(tmp_path, "w1")
    (tmp_path / "w0.new").mkdir()  # nothing can be written to it
    full.show(COUNTS)
    assert healthy.another_fails() and not full.another_fails()
    (tmp_path / "w0.new").rmdir()
    full.show(COUNTS)
    assert not healthy.another_fails()


def test_a_torn_file_and_a_folder_that_is_gone_are_no_trouble(tmp_path: Path) -> None:
    board = SharedCounters(tmp_path, "w1")
    (tmp_path / "w0.json").write_bytes(b'[["requests')
    assert list(board.others()) == []
    gone = SharedCounters(tmp_path / "nowhere", "w1")
    gone.show(COUNTS)
    assert list(gone.others()) == []


async def test_counts_that_have_not_changed_are_not_written_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.proxy.worker_state.EVERY_SECONDS", 0)
    board, written, looks = SharedCounters(tmp_path, "w0"), [], 0
    show = board.show
    monkeypatch.setattr(board, "show", lambda values: (written.append(values), show(values)))
    over = asyncio.Event()

    def counts() -> Values:
        nonlocal looks
        looks += 1
        if looks == 6:
            over.set()
        return COUNTS if looks < 4 else COUNTS | {"refused_total": [((), 1)]}

    keeping = asyncio.create_task(board.keep(counts))
    await over.wait()
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping
    assert written == [COUNTS, COUNTS | {"refused_total": [((), 1)]}]
