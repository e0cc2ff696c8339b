"""A second verdict on a candidate: the same results are the same look, and other results are a later one."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from evaluators.suite import Suite
from fairtrial.domain.events import Event, RunEvent
from gateway.control.background.background_work import BackgroundWork
from tests.fixtures.control.judging import asked, bring, bring_runs, judged, run_of

SECOND = 1_000_000


def again(events: list[Event], run_id: str, *, seconds: int) -> list[Event]:
    """The same run under another id, ended so much later."""
    renamed = [replace(event, run_id=run_id) for event in events]
    return [
        replace(event, ended_us=event.ended_us + seconds * SECOND) if isinstance(event, RunEvent) else event
        for event in renamed
    ]


async def always_valid(background: BackgroundWork, suite: Suite) -> bool:
    verdict: dict[str, Any] = await judged(background, asked(suite))
    (decisive,) = [finding for finding in verdict["findings"] if finding["decisive"]]
    return bool(decisive["evidence"]["difference"]["always_valid"])


async def test_the_same_results_are_the_same_look(background: BackgroundWork, suite: Suite) -> None:
    bring_runs(background, suite, 78)
    assert not await always_valid(background, suite)
    assert not await always_valid(background, suite), "nothing was asked anew"
    bring(background, *again(run_of(background, suite, "tuned", 78), "run-again", seconds=5))
    assert not await always_valid(background, suite), "asked anew, with the same results"


async def test_other_results_are_a_later_look(background: BackgroundWork, suite: Suite) -> None:
    bring_runs(background, suite, 60)
    assert not await always_valid(background, suite)
    bring(background, *again(run_of(background, suite, "tuned", 40), "run-other", seconds=5))
    assert await always_valid(background, suite)
    assert await always_valid(background, suite), "and it stays one"
