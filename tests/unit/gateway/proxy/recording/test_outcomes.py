"""An arm that failed has failed however its fallback was reached; one that was never called has not failed."""

from __future__ import annotations

from typing import Any

import msgspec

from fairtrial.domain.errors import UpstreamError, UpstreamUnavailable
from fairtrial.domain.events import Purpose
from fairtrial.domain.plan import Deployment
from fairtrial.domain.settings import BreakerState
from gateway.proxy.plan.routing_table import Arm, Endpoint, Health
from gateway.proxy.recording.outcomes import attempt_outcome, outcomes_of
from gateway.proxy.stages import NO_CONTENT, AnsweredRequest, Attempt
from tests.fixtures.for_each import for_each

DEPLOYMENT = Deployment("d", "openai", "m-1", "http://x/v1")
ARM = Arm(None, Endpoint(DEPLOYMENT, None, None, msgspec.Raw(b'"m-1"'), Health(DEPLOYMENT)))
NOT_READ: Any = None
"""The request itself, which the outcomes do not depend on."""


def answered(breaker: BreakerState, *purposes: Purpose) -> AnsweredRequest:
    """A request whose last attempt answered, and all before it failed."""
    attempts = [Attempt(number, purpose, ARM, 0, 0, 0.0) for number, purpose in enumerate(purposes)]
    for attempt in attempts[:-1]:
        attempt.fail(UpstreamError("no", code="upstream_error"))
    last = attempts[-1] if attempts else None
    return AnsweredRequest(
        NOT_READ, None, None, attempts, last, 200, NO_CONTENT, "ok", None, 1.0, None, breaker, breaker == "open"
    )


@for_each(
    ("breaker", "purposes", "arm"),
    [
        ("closed", ["live"], "answered"),
        ("closed", ["live", "retry"], "answered"),
        ("half_open", ["live"], "answered"),
        ("closed", ["live", "fallback"], "failed"),
        ("closed", ["live", "retry", "fallback", "retry"], "failed"),
        ("half_open", ["live", "fallback"], "failed"),
        ("open", ["live", "fallback"], "failed"),
        ("open", ["live", "retry", "fallback"], "failed"),
        ("open", ["fallback"], "kept_away"),
        ("open", ["fallback", "retry"], "kept_away"),
    ],
)
def test_the_arm_has_failed_where_it_was_called_and_a_fallback_was_needed(
    breaker: BreakerState, purposes: list[Purpose], arm: str
) -> None:
    assert outcomes_of(answered(breaker, *purposes)) == (arm, "answered")


def test_without_a_call_an_open_breaker_kept_the_request_away() -> None:
    refused = msgspec.structs.replace(answered("open"), status=503, outcome="error")
    assert outcomes_of(refused) == ("kept_away", "failed")
    assert outcomes_of(msgspec.structs.replace(refused, status=499, outcome="cancelled")) == ("kept_away", "none")
    assert outcomes_of(msgspec.structs.replace(refused, kept_away=False)) == ("none", "failed")


def test_a_probe_is_no_call_of_a_request_that_nobody_answered() -> None:
    probe = Attempt(0, "live", ARM, -1, 0, 0.0, status=200, ended=0.5)
    error = UpstreamUnavailable("no", code="upstream_unavailable", retry_after=1)
    refused = msgspec.structs.replace(answered("open"), attempts=[probe], status=503, outcome="error", error=error)
    assert (outcomes_of(refused), attempt_outcome(refused, probe)) == (("kept_away", "failed"), ("answered", None))
    probe.status, probe.failure = 400, UpstreamError("no", code="upstream_error")
    assert (outcomes_of(refused), attempt_outcome(refused, probe)) == (("failed", "failed"), ("rejected", "caller"))


def test_a_probe_that_was_answered_beside_the_fallback_is_no_failure() -> None:
    outcomes = answered("open", "live", "fallback")
    probe = outcomes.attempts[0]
    probe.failure, probe.status = None, 200
    assert outcomes_of(outcomes) == ("kept_away", "answered")
    assert attempt_outcome(outcomes, probe) == ("answered", None)
