"""An arm that failed, or that a breaker kept a request from, has failed however its fallback was reached."""

from __future__ import annotations

from typing import Any

import msgspec

from fairtrial.domain.events import BreakerState, Purpose
from fairtrial.domain.plan import Deployment
from gateway.proxy.plan.health import Health
from gateway.proxy.plan.routing_table import Arm, Endpoint
from gateway.proxy.recording.outcomes import outcomes_of
from gateway.proxy.stages import NO_CONTENT, Answered, Attempt
from tests.fixtures.for_each import for_each

DEPLOYMENT = Deployment("d", "openai", "m-1", "http://x/v1")
ARM = Arm(None, Endpoint(DEPLOYMENT, None, None, msgspec.Raw(b'"m-1"'), Health(DEPLOYMENT)))
NOT_READ: Any = None
"""The request itself, which the outcomes do not depend on."""


def answered(breaker: BreakerState, *purposes: Purpose) -> Answered:
    attempts = [Attempt(number, purpose, ARM, 0, 0, 0.0) for number, purpose in enumerate(purposes)]
    return Answered(NOT_READ, attempts, 200, NO_CONTENT, "ok", None, 1.0, None, breaker)


@for_each(
    ("breaker", "purposes", "arm"),
    [
        ("closed", ["live"], "answered"),
        ("closed", ["live", "retry"], "answered"),
        ("half_open", ["live"], "answered"),
        ("closed", ["live", "fallback"], "failed"),
        ("closed", ["live", "retry", "fallback", "retry"], "failed"),
        ("open", ["fallback"], "failed"),
        ("open", ["fallback", "retry"], "failed"),
    ],
)
def test_the_arm_has_failed_where_a_fallback_was_called(
    breaker: BreakerState, purposes: list[Purpose], arm: str
) -> None:
    assert outcomes_of(answered(breaker, *purposes)) == (arm, "answered")


def test_without_a_call_the_arm_has_failed_only_where_its_breaker_was_open() -> None:
    refused = msgspec.structs.replace(answered("open"), status=503, outcome="error")
    assert outcomes_of(refused) == ("failed", "failed")
    assert outcomes_of(msgspec.structs.replace(refused, breaker="closed")) == ("none", "failed")
