"""Writes the record of one request: one event with its attempts, its exposure and its cost, before its last byte."""

import re
from bisect import bisect_left
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from fairtrial.domain.answers.refusals import refuses_by_text
from fairtrial.domain.errors import RequestError
from fairtrial.domain.events import ArmOutcome, AttemptRecord, Reason, RequestEvent, RequestOutcome, ServiceOutcome
from fairtrial.domain.limits.json_schema import requested_schema
from fairtrial.journal.counts import ANALYSED, arm_cell
from fairtrial.journal.response_map import ResponseMap
from fairtrial.journal.writer import JournalWriter
from gateway.metrics import BOUNDS
from gateway.proxy.admission.cooperative_work import TimeSlicer
from gateway.proxy.extraction.chat_metadata import NOTHING
from gateway.proxy.plan.routing_table import RouteTarget
from gateway.proxy.recording.capture import NO_BODIES, Bodies, capture_bodies, capture_in_slices, read_tags, untouched
from gateway.proxy.recording.outcomes import (
    attempt_outcome,
    cost_usd,
    follows_schema,
    outcomes_of,
    reason_of,
    served_name,
)
from gateway.proxy.recording.redaction import redact_text
from gateway.proxy.routing.continuation import RESPONSES_ENDPOINTS, remember_response
from gateway.proxy.routing.resolve import recorded_unit
from gateway.proxy.stages import AnsweredRequest, Attempt, Authenticated, Hold, RequestProgress, Routed
from gateway.proxy.wire.http import TAGS_HEADER, TRACE_HEADER, trace_of
from gateway.proxy.wire.json_bodies import prompt_digest
from gateway.proxy.worker_state import Counters, Served, VariantCounts

Outcomes = tuple[ArmOutcome, ServiceOutcome]
"""How the arm served, and what the client got."""

MESSAGE_LIMIT = 500
PROVIDER_IDS = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid")
"""The headers in which OpenAI and compatible servers, Anthropic, Azure and Amazon name their requests."""

_PROVIDER_IDS = frozenset(PROVIDER_IDS)
_PROVIDER_ID = re.compile(rb"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Recorder:
    """Records the requests of one worker. ``worker``: its name."""

    worker: str
    journal: JournalWriter
    response_map: ResponseMap
    counters: Counters
    time_slicer: TimeSlicer

    def record(
        self,
        request: Authenticated,
        progress: RequestProgress,
        outcome: RequestOutcome,
        error: RequestError | None = None,
        *,
        bodies: Bodies | None = None,
    ) -> None:
        """Write the event of a request, once. ``bodies``: as captured before, or ``None`` to capture them now.

        Where a probe still runs beside the request, the event waits for it, and the answer does not.
        """
        if progress.outcome is not None:
            return
        progress.outcome = outcome
        answered = progress.answered(request, outcome, error)
        try:
            captured = self._bodies(answered, bodies)
        except Exception:
            self._lose(answered)
            raise
        probe = progress.probe
        if isinstance(request, Routed) and request.received.endpoint in RESPONSES_ENDPOINTS:
            remember_response(self.response_map, request, progress, progress.content)
        if probe is None:
            self._write(answered, captured, progress.hold)
        elif probe.done():
            self._write(progress.with_probes(answered), captured, progress.hold)
        else:
            probe.add_done_callback(lambda _: self._write(progress.with_probes(answered), captured, None))

    def _write(self, answered: AnsweredRequest, bodies: Bodies, hold: Hold | None) -> None:
        reason = reason_of(answered.target, answered.attempts)
        try:
            event = self._event(answered, reason, outcomes_of(answered), bodies)
            if details := _details(answered):
                event = replace(event, **details)
        except Exception:
            self._lose(answered)
            raise
        counters = self.counters
        counters.outcomes[answered.outcome] += 1
        counters.reasons[reason] += 1
        counters.unread += answered.content.unread
        self._count(event, answered.request.routing.plan.routes)
        if hold is None:
            self.journal.append(event)
        else:
            self.journal.append_together(event, hold(self.journal.flush))

    def _lose(self, answered: AnsweredRequest) -> None:
        """Count a request that can't be recorded because of a defect."""
        target = answered.target
        if target is None or target.experiment is None:
            self.journal.lose(None)
            return
        reason = reason_of(target, answered.attempts)
        self.journal.lose(arm_cell(target.experiment.name, _assigned(target), reason, target.exposure))

    def untouched(self, routed: Routed, progress: RequestProgress) -> Bodies | None:
        """The bodies of an answered request for `record`; ``None`` if they need `redact`."""
        content = progress.content
        answer = _recorded_answer(content.body, progress.attempts)
        is_json = content.is_json and answer is content.body
        return untouched(routed.routing.plan.capture, routed.body, answer, is_json=is_json)

    async def redact(self, routed: Routed, progress: RequestProgress) -> Bodies:
        """The redacted bodies for `record`; the work on large ones shares the event loop with other work."""
        answer = _recorded_answer(progress.content.body, progress.attempts)
        caller = routed.caller.key_id
        return await capture_in_slices(routed.body, answer, time_slicer=self.time_slicer, caller=caller)

    def _bodies(self, answered: AnsweredRequest, captured: Bodies | None) -> Bodies:
        body = answered.body
        if body is None:
            return NO_BODIES
        bodies = captured
        if bodies is None:
            answer = _recorded_answer(answered.content.body, answered.attempts)
            bodies = capture_bodies(answered.request.routing.plan.capture, body, answer)
        self.counters.redaction_failures += bodies.outcome == "failed"
        for reason in bodies.left_out:
            self.counters.left_out[reason] += 1
        return bodies

    def _count(self, event: RequestEvent, routes: Container[str]) -> None:
        """Count by route, variant and status, and by the variant of an analysed unit. Other routes have no name."""
        key = event.route if event.route in routes else "", event.variant_served or "", event.status // 100
        served = self.counters.served.get(key) or self.counters.served.setdefault(key, Served())
        seconds = (event.latency_ms or 0.0) / 1000
        served.latency[bisect_left(BOUNDS, seconds)] += 1
        served.latency[-1] += seconds
        if event.stream and event.ttft_ms is not None:
            served.first_token[bisect_left(BOUNDS, event.ttft_ms / 1000)] += 1
            served.first_token[-1] += event.ttft_ms / 1000
        for attempt in event.attempts:
            if attempt.tokens is not None:
                served.input_tokens += attempt.tokens.input or 0
                served.output_tokens += attempt.tokens.output or 0
                served.cost_usd += float(attempt.cost_usd or 0)
        if event.exposure is None or not event.exposure.enrolled or event.reason not in ANALYSED:
            return
        arm = event.experiment or "", event.variant_assigned or ""
        counts = self.counters.variants.get(arm) or self.counters.variants.setdefault(arm, VariantCounts())
        counts.requests += 1
        if event.arm_outcome == event.user_outcome == "answered":
            return
        counts.errors += event.arm_outcome == "failed"
        counts.user_errors += event.user_outcome == "failed"
        counts.rejected += event.arm_outcome == "rejected"
        counts.kept_away += event.arm_outcome == "kept_away"
        counts.fallbacks += event.reason == "fallback"

    def _event(self, answered: AnsweredRequest, reason: Reason, outcomes: Outcomes, bodies: Bodies) -> RequestEvent:
        request, target, body, read = answered.request, answered.target, answered.body, answered.content.metadata
        received, routing, attempts = request.received, request.routing, answered.attempts
        began = answered.last.first_byte if answered.last else None
        return RequestEvent(
            request_id=received.request_id,
            at_us=received.at_us,
            endpoint=received.endpoint,
            route=target.route if target else body.model if body else "",
            status=answered.status,
            outcome=answered.outcome,
            reason=reason,
            plan_hash=routing.plan.plan_hash,
            worker=self.worker,
            stream=body.stream if body else False,
            key_id=request.caller.key_id,
            experiment=target.experiment.name if target and target.experiment else None,
            variant_assigned=_assigned(target) if target else None,
            variant_served=served_name(target, attempts) if target else None,
            unit=recorded_unit(received, routing, body, target),
            latency_ms=_ms(received.started, answered.ended),
            ttft_ms=None if began is None else _ms(received.started, began),
            model_served=read.model,
            system_fingerprint=read.fingerprint,
            response_id=read.response_id,
            finish_reason=read.finish_reason,
            refused=read.refused,
            refused_by_text=None if read.text is None else refuses_by_text(read.text),
            prompt_digest=prompt_digest(routing.published.pepper, body.fields) if body else None,
            breaker=answered.breaker,
            arm_outcome=outcomes[0],
            user_outcome=outcomes[1],
            exposure=None if target is None else target.exposure,
            attempts=[attempt_record(answered, attempt) for attempt in attempts],
            capture=bodies.outcome,
            request_body=bodies.request,
            response_body=bodies.response,
        )


def _details(answered: AnsweredRequest) -> dict[str, Any]:
    """The fields that few requests have: an error, a schema, tags, a trace."""
    request, error, body, read = answered.request, answered.error, answered.body, answered.content.metadata
    headers = request.received.headers
    details: dict[str, Any] = {}
    if error is not None:
        details = {"error_type": error.type, "error_code": error.code}
    elif read.error_type is not None:
        details = {"error_type": read.error_type, "error_code": read.error_code}
    if answered.outcome == "cancelled":
        details["latency_censored"] = not read.done
    if body is not None and body.names_format:
        details["schema_requested"] = requested_schema(body.fields) is not None
        details["schema_valid"] = answered.schema_valid
    if ordinal := request.received.retry_ordinal:
        details["retry_ordinal"] = ordinal
    if TAGS_HEADER in headers.raw:
        details["tags"] = read_tags(headers, request.routing.plan.capture)
    if TRACE_HEADER in headers.raw and (trace := trace_of(headers.raw[TRACE_HEADER])) is not None:
        details["trace_id"], details["span_id"] = trace
    return details


async def check_schema(routed: Routed, progress: RequestProgress) -> None:
    """Note whether an answer follows the schema that its request asks for."""
    schema = requested_schema(routed.body.fields)
    if schema is not None and progress.content.metadata.error_type is None:
        progress.schema_valid = await follows_schema(schema, progress.content.metadata)


def _assigned(target: RouteTarget) -> str | None:
    if target.experiment is None:
        return None
    return target.assignment.assigned if target.assignment else target.arm.name


def _recorded_answer(answer: bytes | None, attempts: Sequence[Attempt]) -> bytes | None:
    """The answer without the provider's key: a text joined from a stream may hold what none of its events did."""
    secret = attempts[-1].arm.endpoint.secret if attempts else None
    return secret.blank(answer) if answer and secret is not None else answer


def attempt_record(answered: AnsweredRequest, attempt: Attempt) -> AttemptRecord:
    """The record of one upstream call. What the answer says of itself belongs to the last one."""
    read = attempt.discarded if attempt.discarded is not NOTHING or attempt is not answered.last else answered.read
    deployment, failure = attempt.arm.endpoint.deployment, attempt.failure
    outcome, fault = attempt_outcome(answered, attempt)
    began, ended = attempt.first_byte, attempt.ended or answered.ended
    return AttemptRecord(
        purpose=attempt.purpose,
        deployment=deployment.name,
        at_us=attempt.at_us,
        outcome=outcome,
        status=attempt.status,
        fault=fault,
        error_type=failure.type if failure else read.error_type,
        error_code=failure.code if failure else read.error_code,
        error_message=redact_text(failure.message[:MESSAGE_LIMIT]) if failure else None,
        latency_ms=_ms(attempt.started, ended),
        ttft_ms=None if began is None else _ms(attempt.started, began),
        tokens=read.tokens,
        usage_source=read.usage_source,
        cost_usd=None if read.tokens is None else cost_usd(deployment.price, read.tokens),
        provider_request_id=_provider_id(attempt),
    )


def _provider_id(attempt: Attempt) -> str | None:
    """The name that the provider's server gave to the request, if it is short and plain and holds no key."""
    if attempt.head is None or _PROVIDER_IDS.isdisjoint(attempt.head.raw):
        return None
    headers, secret = attempt.head.raw, attempt.arm.endpoint.secret
    for name in PROVIDER_IDS:
        value = headers.get(name)
        if value is not None:
            plain = _PROVIDER_ID.fullmatch(value) is not None and (secret is None or not secret.found_in(value))
            return value.decode("ascii") if plain else None
    return None


def _ms(start: float, end: float) -> float:
    return int((end - start) * 1e6 + 0.5) / 1000  # as round to three digits, at less than half of its cost
