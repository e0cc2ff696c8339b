"""Gets a response that has started: from the arm, from the same server once more, or from a fallback.

Nothing is tried again once a byte of an answer was sent on.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass

from fairtrial.domain.errors import RequestError, UpstreamError, UpstreamUnavailable
from fairtrial.domain.events import Purpose
from gateway.proxy.plan.routing_table import Arm
from gateway.proxy.stages import Progress, Routed
from gateway.proxy.upstream.breaking import admit, breaker_of, kept_away
from gateway.proxy.upstream.call import FIRST_ERROR, METERED, StartedResponse, UpstreamCalls
from gateway.proxy.upstream.failed_call import FailedCall, of_error, of_response
from gateway.proxy.upstream.hold import hold_whole

RETRIED_PATHS = METERED | {"/embeddings"}
"""Requests that leave nothing behind on a server, so that they may be sent twice."""

ERROR = b'"error"'
"""What an answer contains that begins with an error. Nothing depends on it where only one call is made."""

MOST_CALLS = 3
"""Upstream calls for one request of a client, fallbacks included."""

LONGEST_WAIT = 2.0
"""The most seconds that a request waits because its provider asks for it. The client is told of a longer wait."""

PAUSE = 0.2
"""Mean seconds before a request is sent to the same server again."""


@dataclass(frozen=True, slots=True)
class Upstreams:
    """All that can answer a request: `start` asks them in their order. ``probes``: those that have not ended."""

    calls: UpstreamCalls
    probes: set[asyncio.Task[None]]

    async def start(self, routed: Routed, progress: Progress) -> StartedResponse:
        """A response that has started; `UpstreamError` if there is none."""
        target, progress.breaker = routed.target, "closed"
        arm, others, tries = target.arm, target.fallbacks, 1
        purpose: Purpose = "live"
        while True:
            breaker, timeouts = arm.endpoint.health.breakers[routed.received.endpoint], arm.endpoint.deployment.timeouts
            seconds = min(timeouts.first_byte, timeouts.failover) if others else timeouts.first_byte
            try:
                if breaker.calm and not (others and arm.endpoint.health.rests_until > 0):
                    permit = breaker.permit
                else:
                    permit = self._admit(routed, progress, arm, purpose, fallback=bool(others))
                response = await self.calls.call(routed, progress, arm, purpose, permit, seconds=seconds)
                unexamined = response.upstream.status < FIRST_ERROR and not target.hold
                if unexamined and not ((others or len(progress.attempts) > 1) and ERROR in response.first):
                    return response
                response, failed = await _examine(routed, response)
            except UpstreamError as error:
                error.__traceback__ = None  # its frames hold the body, and what is kept here would keep them
                failed = of_error(error)
            if failed is None:
                return response
            if failed.wait is not None:
                arm.endpoint.health.rest(failed.wait, time.monotonic())
            more = len(progress.attempts) < MOST_CALLS and not progress.client_gone
            if more and _may_retry(routed, arm, failed, tries):
                tries, purpose = tries + 1, "retry"
                _let_go(failed.response)
                await asyncio.sleep(failed.wait or PAUSE * random.uniform(0.5, 1.5))
            elif more and others:
                arm, others, tries, purpose = others[0], others[1:], 1, "fallback"
                _let_go(failed.response)
            else:
                progress.spent = len(progress.attempts) > 1
                if failed.response is not None:
                    return failed.response
                try:
                    raise failed.error or UpstreamError("no answer", code="upstream_error")
                finally:
                    del failed

    def _admit(self, routed: Routed, progress: Progress, arm: Arm, purpose: Purpose, *, fallback: bool) -> int:
        """The permit of a call; the state that the arm's own call met is noted for the record."""
        try:
            permit = admit(routed, arm, fallback=fallback)
        except UpstreamUnavailable:
            if purpose == "live":
                progress.breaker = "open"
            raise
        beside = permit < 0 and fallback and routed.received.endpoint in RETRIED_PATHS
        if purpose == "live":
            progress.breaker = "open" if beside else breaker_of(routed, arm).state
        if beside:
            self._probe(routed, progress, arm, permit)
            raise kept_away(arm, "a call beside this request finds out whether it answers", 1)
        return permit

    def _probe(self, routed: Routed, progress: Progress, arm: Arm, permit: int) -> None:
        """Send the request to an arm whose breaker is open, beside the fallback that answers it."""
        beside = Progress(progress.task)
        seconds = arm.endpoint.deployment.timeouts.failover

        async def probe() -> None:
            task = asyncio.current_task()
            assert task is not None
            beside.task = task
            try:
                response = await self.calls.call(routed, beside, arm, "live", permit, seconds=seconds)
            except RequestError:
                return
            _let_go(response)

        progress.probe, progress.probes = asyncio.create_task(probe()), beside.attempts
        self.probes.add(progress.probe)
        progress.probe.add_done_callback(self.probes.discard)


async def _examine(routed: Routed, response: StartedResponse) -> tuple[StartedResponse, FailedCall | None]:
    """The response with what had to be read of it, and why it failed, if it did in a way to mend."""
    response, failed = await of_response(response, started=routed.received.started)
    if routed.target.hold and failed is None and response.upstream.status < FIRST_ERROR:
        response = await hold_whole(routed, response)
    return response, failed


def _may_retry(routed: Routed, arm: Arm, failed: FailedCall, tries: int) -> bool:
    """Whether a request may be sent to the same server once more. A client's own retries count as ours."""
    rule = arm.endpoint.deployment.retry
    return (
        failed.cause in rule.on
        and failed.retryable
        and tries < rule.attempts - routed.received.retry_ordinal
        and (failed.wait or 0.0) <= LONGEST_WAIT
        and routed.received.endpoint in RETRIED_PATHS
        and arm.endpoint.health.spend_retry(time.monotonic())
    )


def _let_go(response: StartedResponse | None) -> None:
    """End the attempt of a response that is not sent on."""
    if response is None:
        return
    response.upstream.release()
    status, attempt = response.upstream.status, response.attempt
    if status < FIRST_ERROR:
        attempt.ended = time.perf_counter()
    else:
        attempt.fail(UpstreamError(f"{response.endpoint.name}: answered {status}", code="upstream_error"))
