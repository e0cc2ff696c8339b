"""Asks a deployment's breaker before a call, and tells it how the call ended.

None of it is called for an answer of a healthy deployment, see `Breaker.calm`.
"""

from __future__ import annotations

import time

from fairtrial.domain.errors import UpstreamError, UpstreamUnavailable
from fairtrial.domain.events import Purpose
from gateway.proxy.plan.routing_table import Arm
from gateway.proxy.stages import Attempt, Progress

NOT_ITS_FAULT = frozenset({"deployment_key_missing", "upstream_missing_package", "upstream_bad_request"})
"""Codes of upstream errors for which nothing was sent to the deployment."""

BAD_ANSWER = "upstream_bad_answer"
FIRST_REDIRECT, FIRST_ERROR, FIRST_SERVER_ERROR = 300, 400, 500


def admit(progress: Progress, arm: Arm, purpose: Purpose) -> int:
    """The permit of a call, or `UpstreamUnavailable` if the breaker keeps it away.

    The state that the arm's own call met is noted for the record.
    """
    breaker, now = arm.endpoint.breaker, time.monotonic()
    permit = breaker.admit(now)
    if purpose == "live":
        progress.breaker = "open" if permit is None else breaker.state
    if permit is None:
        name = arm.endpoint.name
        message = f"{name}: not called now, because its last requests failed ({breaker.reason})"
        raise UpstreamUnavailable(message, code="upstream_unavailable", retry_after=breaker.seconds_left(now))
    return permit


def note_error(attempt: Attempt, error: BaseException) -> None:
    """A call ended before its first byte. A cancelled call, or an error of the gateway, says nothing of the server."""
    breaker = attempt.arm.endpoint.breaker
    if isinstance(error, UpstreamError) and error.code not in NOT_ITS_FAULT:
        breaker.failed(attempt.permit, error.code or BAD_ANSWER, time.monotonic())
    else:
        breaker.abandoned(attempt.permit)


def note_start(attempt: Attempt, *, answers: bool) -> None:
    """A response has started. ``answers``: a stream with a first byte; other answers count at their end."""
    status, breaker = attempt.status or 0, attempt.arm.endpoint.breaker
    if _has_failed(status):
        breaker.failed(attempt.permit, f"http_{status}", time.monotonic())
    elif answers:
        breaker.answers(attempt.permit)


def note_end(attempt: Attempt, progress: Progress) -> None:
    """A response below 500 has ended, as its record says; without a record, the request was cancelled."""
    breaker, permit = attempt.arm.endpoint.breaker, attempt.permit
    if _has_failed(attempt.status or 0):
        return
    if progress.outcome == "ok":
        breaker.succeeded(permit)
    elif (reason := _why_unusable(attempt, progress)) is not None:
        breaker.failed(permit, reason, time.monotonic())
    elif progress.outcome in ("error", "partial"):
        breaker.answers(permit)
    else:
        breaker.abandoned(permit)


def _has_failed(status: int) -> bool:
    return status >= FIRST_SERVER_ERROR or FIRST_REDIRECT <= status < FIRST_ERROR


def _why_unusable(attempt: Attempt, progress: Progress) -> str | None:
    """The code of a response that broke off, ended too early, or can't be read. Its own errors are answers."""
    if isinstance(attempt.failure, UpstreamError):
        return attempt.failure.code or BAD_ANSWER
    read = progress.content.metadata
    if progress.outcome == "partial" and read.error_type is None:
        return "upstream_incomplete"
    unreadable = progress.outcome == "error" and read.error_code == BAD_ANSWER
    return BAD_ANSWER if unreadable and (attempt.status or 0) < FIRST_ERROR else None
