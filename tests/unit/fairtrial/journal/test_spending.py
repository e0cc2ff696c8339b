"""A part of a trial spends no more than its limit, whoever is killed, and counts what a call really cost."""

from __future__ import annotations

import os
import signal
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path

import pytest

from fairtrial.domain.limits.spending import Limit, Spent, read_limit
from fairtrial.journal.spending import SpendingBusy, SpendingFile

CALL = Spent(day=3, requests=1, tokens=100, nano_usd=50, nano_usd_total=50)


def reserve(file: SpendingFile, limit: Limit, call: Spent = CALL) -> bool:
    while True:
        try:
            return file.reserve(limit, call)
        except SpendingBusy:
            continue


def _spend(path: Path, limit: Limit, made: Path, dies_after: int) -> None:
    """Note each call that is allowed; be killed between a reservation and its settlement."""
    file = SpendingFile(path)
    with made.open("ab", buffering=0) as notes:
        while reserve(file, limit):
            notes.write(b".")
            if notes.tell() >= dies_after:
                os.kill(os.getpid(), signal.SIGKILL)


def test_the_calls_of_two_processes_end_at_the_limit_though_one_is_killed(tmp_path: Path) -> None:
    path, limit = tmp_path / "spending", Limit(requests_per_day=300)
    notes = [tmp_path / name for name in ("one", "two")]
    fork = get_context("fork")
    processes = [
        fork.Process(target=_spend, args=(path, limit, made, dies_after))
        for made, dies_after in zip(notes, (40, 10_000), strict=True)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [-signal.SIGKILL, 0]
    assert sum(made.stat().st_size for made in notes) == 300
    assert SpendingFile(path).spent() == Spent(3, 300, 30_000, 15_000, 15_000, reached=3)


def test_a_settled_call_counts_as_what_it_cost_and_a_new_day_begins_at_0(tmp_path: Path) -> None:
    file = SpendingFile(tmp_path / "spending")
    file.reserve(Limit(), CALL)
    file.reserve(Limit(), CALL)
    file.settle(CALL, Spent(3, 1, 7, 4, 4))
    assert file.spent() == Spent(3, 2, 107, 54, 54)
    file.reserve(Limit(), Spent(4, 1, 1, 1, 1))
    file.settle(CALL, Spent(3, 1, 7, 4, 4))  # the call of yesterday ends today
    assert file.spent() == Spent(4, 1, 1, 1, 9)


@pytest.mark.parametrize(
    ("limit", "allowed"),
    [
        (Limit(usd_per_day=Decimal("0.0000001")), 2),
        (Limit(usd=Decimal("0.00000015")), 3),
        (Limit(tokens_per_day=150), 1),
        (Limit(requests_per_day=4), 4),
    ],
)
def test_each_limit_ends_the_calls_of_the_day(tmp_path: Path, limit: Limit, allowed: int) -> None:
    file = SpendingFile(tmp_path / "spending")
    assert [file.reserve(limit, CALL) for _ in range(6)].count(True) == allowed
    assert not file.reserve(limit, Spent(3, 0, 0, 0, 0))  # the day is over, also for a smaller call
    assert file.reserve(limit, Spent(4, 1, 1, 0, 0)) is True


def test_a_file_that_another_process_holds_is_busy_and_never_waited_for(tmp_path: Path) -> None:
    holder, other = SpendingFile(tmp_path / "spending"), SpendingFile(tmp_path / "spending")
    with holder._locked(), pytest.raises(SpendingBusy):
        other.reserve(Limit(), CALL)
    assert other.reserve(Limit(), CALL)


def test_limits_are_read_as_people_write_them() -> None:
    assert read_limit(["1USD/day", "20 usd"]) == Limit(usd_per_day=Decimal(1), usd=Decimal(20))
    assert read_limit(["500requests/day"]).words == "500requests/day"
    for wrong in (["5"], ["5requests"], ["0USD"], ["1USD", "2USD"]):
        with pytest.raises(ValueError, match=wrong[-1]):
            read_limit(wrong)
