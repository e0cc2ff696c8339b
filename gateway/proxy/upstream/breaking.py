"""Asks a deployment's breaker before a call, and reports to it how the call began."""

import time

from fairtrial.domain.errors import UpstreamError, UpstreamUnavailable
from fairtrial.domain.settings import BreakerState
from gateway.proxy.plan.breaker import Breaker, Failure
from gateway.proxy.plan.routing_table import Arm
from gateway.proxy.routing.resolve import recorded_unit
from gateway.proxy.stages import Attempt, Routed
from gateway.proxy.wire.json_bodies import prompt_digest

UNCONNECTED = "upstream_connect"
UNREACHABLE = frozenset({UNCONNECTED, "upstream_timeout"})
LOST = UNREACHABLE | {"upstream_reset"}
"""Codes of failures before the head of an answer that speak of the server."""

BAD_GATEWAYS = frozenset({502, 503, 504, 529})
"""Statuses that speak of the server, whatever it was asked."""

RESTS = frozenset({"429", "503"})
"""Causes of failures whose wait asks for a pause. Any other status has a wait by mistake."""

SERVER_ERROR = 500
"""The status that may speak of the server or of the prompt."""


def breaker_of(routed: Routed, arm: Arm) -> Breaker:
    return arm.endpoint.health.breakers[routed.received.endpoint]


def state_of(routed: Routed, arm: Arm) -> BreakerState:
    """The state of the breaker that the request meets."""
    breaker = breaker_of(routed, arm)
    return breaker.state_for(routed.caller.key_id, _unit(routed) if breaker.state != "closed" else None)


def admit(routed: Routed, arm: Arm, *, fallback: bool) -> int:
    """The permit of a call, or `UpstreamUnavailable` if it has to be kept away.

    Where a fallback can answer, a deployment that asked this key for a pause is not called either.

    It is not called for a healthy deployment, see `Breaker.calm`.
    """
    breaker, key, now = breaker_of(routed, arm), routed.caller.key_id, time.monotonic()
    if fallback and arm.endpoint.health.rests.binds(key, now):
        breaker.counts.kept_away += 1
        raise kept_away(arm, "it asked for a pause", 1)
    unit = _unit(routed) if breaker.state != "closed" else None
    permit = breaker.admit(now, key, unit, fallback=fallback)
    if permit is None:
        seconds = breaker.seconds_left(now, fallback=fallback)
        raise kept_away(arm, f"its last requests failed ({breaker.reason})", seconds)
    return permit


def kept_away(arm: Arm, why: str, seconds: int) -> UpstreamUnavailable:
    """The error of a request that is not sent. ``seconds``: after which it may be tried again."""
    message = f"{arm.endpoint.name}: not called now, because {why}"
    return UpstreamUnavailable(message, code="upstream_unavailable", retry_after=seconds)


def note_error(routed: Routed, attempt: Attempt, error: BaseException) -> None:
    """A call ended before its first byte. Only a connection or a time-out without a head speaks of the server."""
    breaker = breaker_of(routed, attempt.arm)
    if isinstance(error, UpstreamError) and error.code in LOST and attempt.status is None:
        failure = _failure(routed, error.code or "", attempt, unreachable=error.code in UNREACHABLE)
        breaker.failed(attempt.permit, failure, time.monotonic())
    else:
        breaker.abandoned(attempt.permit)


def note_start(routed: Routed, attempt: Attempt) -> None:
    """A response has started."""
    breaker, status = breaker_of(routed, attempt.arm), attempt.status or 0
    if status in BAD_GATEWAYS or status == SERVER_ERROR:
        failure = _failure(routed, f"http_{status}", attempt, may_be_prompt=status == SERVER_ERROR)
        breaker.failed(attempt.permit, failure, time.monotonic())
    else:
        breaker.answered(attempt.permit, time.monotonic())


def note_wait(routed: Routed, arm: Arm, cause: str, seconds: float) -> None:
    """A failed answer asks for a wait. ``cause``: see `FailedCall`."""
    if cause in RESTS:
        arm.endpoint.health.rests.note(routed.caller.key_id, _unit(routed), seconds, time.monotonic())


def _failure(
    routed: Routed, reason: str, attempt: Attempt, *, may_be_prompt: bool = False, unreachable: bool = False
) -> Failure:
    return Failure(
        reason,
        routed.caller.key_id,
        routed.received.request_id if reason == UNCONNECTED else _unit(routed),
        prompt_digest(routed.routing.published.pepper, routed.body.fields) if may_be_prompt else None,
        unreachable,
        time.perf_counter() - attempt.started,
    )


def _unit(routed: Routed) -> str:
    """Who asks: the user that the request names, or its prompt's digest if it names none."""
    unit = recorded_unit(routed.received, routed.routing, routed.body, routed.target)
    return unit or prompt_digest(routed.routing.published.pepper, routed.body.fields) or ""
