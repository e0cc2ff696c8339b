"""Admission has a limit, a lower one while the event loop lags, and admits nothing once the worker has to stop."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from fairtrial.domain.errors import Unavailable
from gateway.proxy.admission import admission as admission_module
from gateway.proxy.admission.admission import (
    DRAINING,
    EVENT_LOOP_LAG,
    FULL,
    MIN_IN_FLIGHT_TO_SHED,
    Admission,
    Refusal,
    Stage,
    watch_lag,
)
from tests.fixtures.for_each import for_each


@for_each(
    ("stage", "in_flight", "late", "refused"),
    [
        ("serving", MIN_IN_FLIGHT_TO_SHED - 1, True, None),
        ("serving", MIN_IN_FLIGHT_TO_SHED, False, None),
        ("serving", MIN_IN_FLIGHT_TO_SHED, True, EVENT_LOOP_LAG),
        ("serving", 100, False, FULL),
        ("leaving", 0, False, None),
        ("leaving", 100, False, FULL),
        ("draining", 0, False, DRAINING),
        ("ending", 100, True, DRAINING),
    ],
)
def test_a_request_is_refused_where_the_gateway_drains_is_full_or_late(
    stage: Stage, in_flight: int, late: bool, refused: Refusal | None
) -> None:
    assert Admission(100, stage, in_flight, late).refusal() is refused


@pytest.mark.parametrize("stage", ["leaving", "draining", "ending"])
def test_readiness_ends_with_the_first_word_of_it(stage: Stage) -> None:
    Admission(1).refuse_if_leaving()
    with pytest.raises(Unavailable, match="stopping"):
        Admission(1, stage).refuse_if_leaving()


async def test_a_loop_that_is_held_up_is_seen_and_forgiven_with_the_first_look_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission_module, "LATE_SECONDS", 0.05)
    monkeypatch.setattr(admission_module, "LOOK_SECONDS", 0.01)
    admission = Admission(100, in_flight=1)
    watching = asyncio.create_task(watch_lag(admission))
    await asyncio.sleep(0)
    for _ in range(admission_module.IN_A_ROW):
        assert not admission.late
        time.sleep(0.1)  # noqa: ASYNC251 - it is what holds the loop up
        for _ in range(8):
            await asyncio.sleep(0)
    assert admission.late
    while admission.late:  # noqa: ASYNC110 - the look itself is what is waited for
        await asyncio.sleep(0.01)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
