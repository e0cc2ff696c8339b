"""Gets a response that has started: from the arm, from the same server once more, or from a fallback."""

import asyncio
import random
import re
import time
from dataclasses import dataclass
from typing import Any

import msgspec

from fairtrial.domain.errors import RequestError, UpstreamError, UpstreamUnavailable
from fairtrial.domain.events import Purpose
from gateway.proxy.extraction.chat_metadata import answer_metadata
from gateway.proxy.plan.routing_table import Arm
from gateway.proxy.stages import RequestProgress, Routed
from gateway.proxy.upstream.breaking import admit, kept_away, note_wait, state_of
from gateway.proxy.upstream.call import FIRST_ERROR, METERED, StartedResponse, UpstreamCalls, next_piece
from gateway.proxy.upstream.hold import hold_whole
from gateway.proxy.wire.retry_after import wait_of

READ_LIMIT = 64 * 1024
"""Bytes of an error that are read to learn its reason."""

TOO_MANY = 429
QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
CONTEXT_CODES = frozenset({"context_length_exceeded", "string_above_max_length", "exceed_context_size_error"})
CONTEXT_WORDS = re.compile(
    rb"maximum context length|context[ _]length|context[ _](?:size|window)|prompt is too long"
    rb"|input (?:length|is too long)|too many (?:input )?tokens",
    re.IGNORECASE,
)
"""How OpenAI, vLLM, llama.cpp and Anthropic say that a prompt is longer than the model's context."""


class _Body(msgspec.Struct):
    error: Any = None


_BODY = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that failed before anything of it was sent on. Either ``error`` or ``response`` is set.

    ``cause``: as in `RetryRule.on`, or another reason to ask a fallback. ``wait``: seconds that the provider asked for.
    ``retryable``: unlike a used-up quota, it may be gone at the next try.
    """

    cause: str
    error: UpstreamError | None = None
    response: StartedResponse | None = None
    wait: float | None = None
    retryable: bool = True


async def of_response(response: StartedResponse, *, started: float) -> tuple[StartedResponse, FailedCall | None]:
    """The response with its whole body if that had to be read, and why it failed, if it did in a way to mend.

    A refused prompt, a content policy or a wrong key fails everywhere, so the client gets it as it came.
    """
    status = response.upstream.status
    if status < FIRST_ERROR:
        failed = _begins_with_error(response)
        return response, FailedCall("error_in_answer", response=response) if failed else None
    if status >= 500:
        return response, FailedCall(str(status), response=response, wait=wait_of(response.upstream.headers, b""))
    if status not in (400, 413, TOO_MANY):
        return response, None
    response = await _read(response, started=started)
    body = response.first
    if status == TOO_MANY:
        wait = wait_of(response.upstream.headers, body)
        return response, FailedCall("429", response=response, wait=wait, retryable=_code(body) not in QUOTA)
    if _code(body) in CONTEXT_CODES or CONTEXT_WORDS.search(body):
        return response, FailedCall("context_length", response=response)
    return response, None


def _begins_with_error(response: StartedResponse) -> bool:
    if response.streams:
        return response.first.lstrip().startswith((b'data: {"error"', b'data:{"error"', b"event: error"))
    return answer_metadata(response.first).error_type is not None


def _code(body: bytes) -> str | None:
    try:
        error = _BODY.decode(body).error
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(error, dict):
        return None
    named = (error.get("code"), error.get("type"))
    return next((str(code) for code in named if code in QUOTA | CONTEXT_CODES), None)


async def _read(response: StartedResponse, *, started: float) -> StartedResponse:
    """The response with all of a short body as its first piece."""
    parts, size = [response.first], len(response.first)
    declared = response.upstream.headers.raw.get("content-length")
    while declared != b"%d" % size and size < READ_LIMIT and (piece := await next_piece(response, started=started)):
        parts.append(piece)
        size += len(piece)
    return msgspec.structs.replace(response, first=b"".join(parts)) if len(parts) > 1 else response


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
    """All that can answer a request: `start` asks them in their order. ``probes``: those that have not ended.

    Nothing is tried again once a byte of an answer was sent on.
    """

    calls: UpstreamCalls
    probes: set[asyncio.Task[None]]

    async def start(self, routed: Routed, progress: RequestProgress) -> StartedResponse:
        """A response that has started; `UpstreamError` if there is none. What has waited is sent, not asked again."""
        target, progress.breaker = routed.target, "closed"
        arm, others, tries = target.arm, target.fallbacks, 1
        purpose: Purpose = "live"
        waited = False
        while True:
            breaker, timeouts = arm.endpoint.health.breakers[routed.received.endpoint], arm.endpoint.deployment.timeouts
            seconds = min(timeouts.first_byte, timeouts.failover) if others else timeouts.first_byte
            try:
                if waited or (breaker.calm and not (others and arm.endpoint.health.rests.latest > 0)):
                    permit = breaker.permit
                else:
                    permit = self._admit(routed, progress, arm, purpose, fallback=bool(others))
                response = await self.calls.call(routed, progress, arm, purpose, permit, seconds=seconds)
                unexamined = response.upstream.status < FIRST_ERROR and not target.hold
                if unexamined and not ((others or len(progress.attempts) > 1) and ERROR in response.first):
                    return response
                response, failed = await _examine(routed, progress, response, fallback=bool(others))
            except UpstreamError as error:
                error.__traceback__ = None  # its frames hold the body, and what is kept here would keep them
                failed = FailedCall((error.code or "").removeprefix("upstream_"), error)
            if failed is None:
                return response
            if failed.wait is not None:
                note_wait(routed, arm, failed.cause, failed.wait)
            more = len(progress.attempts) < MOST_CALLS and not progress.client_gone
            if more and _may_retry(routed, arm, failed, tries):
                tries, purpose, waited = tries + 1, "retry", failed.wait is not None
                _let_go(failed.response)
                await asyncio.sleep(failed.wait or PAUSE * random.uniform(0.5, 1.5))
            elif more and others:
                arm, others, tries, purpose, waited = others[0], others[1:], 1, "fallback", False
                _let_go(failed.response)
            else:
                progress.spent = len(progress.attempts) > 1
                if failed.response is not None:
                    return failed.response
                try:
                    raise failed.error or UpstreamError("no answer", code="upstream_error")
                finally:
                    del failed

    def _admit(self, routed: Routed, progress: RequestProgress, arm: Arm, purpose: Purpose, *, fallback: bool) -> int:
        """The permit of a call; the state that the arm's own call met is noted for the record."""
        try:
            permit = admit(routed, arm, fallback=fallback)
        except UpstreamUnavailable:
            if purpose == "live":
                progress.breaker = "closed" if state_of(routed, arm) == "closed" else "open"
                progress.kept_away = True
            raise
        beside = permit < 0 and fallback and routed.received.endpoint in RETRIED_PATHS
        if purpose == "live":
            progress.breaker = "open" if beside else state_of(routed, arm)
        if beside:
            progress.kept_away = True
            self._probe(routed, progress, arm, permit)
            raise kept_away(arm, "a call beside this request finds out whether it answers", 1)
        return permit

    def _probe(self, routed: Routed, progress: RequestProgress, arm: Arm, permit: int) -> None:
        """Send the request to an arm whose breaker is open, beside the fallback that answers it."""
        beside = RequestProgress(progress.task)
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


async def _examine(
    routed: Routed, progress: RequestProgress, response: StartedResponse, *, fallback: bool
) -> tuple[StartedResponse, FailedCall | None]:
    """The response with what had to be read of it, and why it failed, if it did in a way to mend."""
    response, failed = await of_response(response, started=routed.received.started)
    if routed.target.hold and failed is None and response.upstream.status < FIRST_ERROR:
        response = await hold_whole(routed, response, progress.held_bytes, fallback=fallback)
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
