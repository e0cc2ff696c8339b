"""A second verdict on a candidate: the same results are the same look, and other results are a later one."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from evaluators.suite import Suite
from fairtrial.domain.events import Event, RunEvent
from gateway.control.background.background_work import Keeper
from tests.unit.gateway.control.operations.test_judge_candidate import asked, bring, bring_runs, judged, run_of, suite

__all__ = ["suite"]
SECOND = 1_000_000


def again(events: list[Event], run_id: str, *, seconds: int) -> list[Event]:
    """The same run under another id, ended so much later."""
    renamed = [replace(one, run_id=run_id) for one in events]
    return [
        replace(one, ended_us=one.ended_us + seconds * SECOND) if isinstance(one, RunEvent) else one for one in renamed
    ]


async def always_valid(keeper: Keeper, suite: Suite) -> bool:
    verdict: dict[str, Any] = await judged(keeper, asked(suite))
    (found,) = [one for one in verdict["findings"] if one["decisive"]]
    return bool(found["evidence"]["difference"]["always_valid"])


async def test_the_same_results_are_the_same_look(keeper: Keeper, suite: Suite) -> None:
    bring_runs(keeper, suite, 78)
    assert not await always_valid(keeper, suite)
    assert not await always_valid(keeper, suite), "nothing was asked anew"
    bring(keeper, *again(run_of(keeper, suite, "tuned", 78), "run-again", seconds=5))
    assert not await always_valid(keeper, suite), "asked anew, with the same results"


async def test_other_results_are_a_later_look(keeper: Keeper, suite: Suite) -> None:
    bring_runs(keeper, suite, 60)
    assert not await always_valid(keeper, suite)
    bring(keeper, *again(run_of(keeper, suite, "tuned", 40), "run-other", seconds=5))
    assert await always_valid(keeper, suite)
    assert await always_valid(keeper, suite), "and it stays one"
