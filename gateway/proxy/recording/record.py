"""Writes the record of one request: its request, attempt and exposure events, in one write before its last byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fairtrial.domain.errors import RequestError
from fairtrial.domain.events import AttemptEvent, Event, ExposureEvent, Reason, RequestEvent, RequestOutcome
from fairtrial.domain.ids import fresh_id
from fairtrial.experiments.assignment import Assignment
from fairtrial.journal.response_map import ResponseMap
from fairtrial.journal.writer import JournalWriter
from gateway.proxy.admission.cooperative_work import TimeSlicer
from gateway.proxy.plan.routing_table import Target
from gateway.proxy.recording.capture import NO_BODIES, Bodies, capture_bodies, capture_in_slices, read_tags
from gateway.proxy.recording.outcomes import ANALYSED, Outcomes, cost_usd, outcomes_of
from gateway.proxy.recording.redaction import redact_text
from gateway.proxy.routing.continuation import RESPONSES_ENDPOINTS, remember_response
from gateway.proxy.routing.resolve import recorded_unit
from gateway.proxy.stages import Answered, Attempt, Progress, Recordable, Routed
from gateway.proxy.worker_state import Counters, VariantCounts

MESSAGE_LIMIT = 500


class _Summary(NamedTuple):
    """The values that several events of one request share."""

    reason: Reason
    served: str | None
    cost: str | None
    retry_ordinal: int
    plan_hash: str
    outcomes: Outcomes


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
        request: Recordable,
        progress: Progress,
        outcome: RequestOutcome,
        error: RequestError | None = None,
        *,
        bodies: Bodies | None = None,
    ) -> None:
        """Write the events of a request, once. ``bodies``: from `capture`, or ``None`` to capture them now."""
        if progress.recorded:
            return
        progress.recorded = True
        answered = progress.answered(request, outcome, error)
        target = answered.target
        summary = _summary(answered)
        events: list[Event] = [_request(answered, summary, self._bodies(answered, bodies), self.worker)]
        events += [_attempt(answered, attempt, summary) for attempt in answered.attempts]
        if target is not None and target.assignment is not None:
            exposure = _exposure(answered, target, target.assignment, summary)
            events.append(exposure)
            if exposure.enrolled and summary.reason in ANALYSED:
                self._count_variant(exposure, summary)
        if isinstance(request, Routed) and request.received.endpoint in RESPONSES_ENDPOINTS:
            remember_response(self.response_map, request, progress, progress.content)
        counters = self.counters
        counters.outcomes[outcome] += 1
        counters.reasons[summary.reason] += 1
        counters.unread += answered.content.unread
        self.journal.append(*events)

    async def capture(self, routed: Routed, progress: Progress) -> Bodies:
        """Capture the bodies of an answered request for `record`; large ones share the event loop with other work."""
        answer = _recorded_answer(progress.content.body, progress.attempts)
        plan, caller = routed.routing.plan, routed.caller.key_id
        return await capture_in_slices(plan.capture, routed.body, answer, time_slicer=self.time_slicer, caller=caller)

    def _bodies(self, answered: Answered, captured: Bodies | None) -> Bodies:
        body = answered.body
        if body is None:
            return NO_BODIES
        answer = _recorded_answer(answered.content.body, answered.attempts)
        bodies = captured or capture_bodies(answered.request.routing.plan.capture, body, answer)
        self.counters.redaction_failures += bodies.outcome == "failed"
        for reason in bodies.left_out:
            self.counters.left_out[reason] += 1
        return bodies

    def _count_variant(self, exposure: ExposureEvent, summary: _Summary) -> None:
        counts = self.counters.variants.setdefault((exposure.experiment, exposure.assigned), VariantCounts())
        counts.requests += 1
        counts.errors += summary.outcomes.arm == "failed"
        counts.user_errors += summary.outcomes.user == "failed"
        counts.rejected += summary.outcomes.arm == "rejected"
        counts.fallbacks += summary.reason == "fallback"


def served_name(target: Target, attempts: Sequence[Attempt]) -> str | None:
    """The variant that served, or the deployment's name when a fallback is not a variant of the experiment."""
    if target.experiment is None:
        return None
    arm = attempts[-1].arm if attempts else target.arm
    return arm.name or arm.endpoint.name


def _summary(answered: Answered) -> _Summary:
    target, request, metadata = answered.target, answered.request, answered.content.metadata
    served = answered.served
    price = served.endpoint.deployment.price if served else None
    return _Summary(
        reason=_reason(answered),
        served=served_name(target, answered.attempts) if target else None,
        cost=cost_usd(price, metadata.tokens_in, metadata.tokens_out) if price else None,
        retry_ordinal=request.received.retry_ordinal,
        plan_hash=request.routing.plan.plan_hash,
        outcomes=outcomes_of(answered),
    )


def _reason(answered: Answered) -> Reason:
    """Why the arm served. A fallback takes precedence over the target's own reason."""
    if answered.target is None:
        return "excluded"
    fell_back = len(answered.attempts) > 1 and any(attempt.purpose == "fallback" for attempt in answered.attempts)
    return "fallback" if fell_back else answered.target.reason


def _recorded_answer(answer: bytes | None, attempts: Sequence[Attempt]) -> bytes | None:
    """The answer without the provider's key: a text joined from a stream may hold what none of its events did."""
    secret = attempts[-1].arm.endpoint.secret if attempts else None
    return secret.blank(answer) if answer and secret is not None else answer


def _request(answered: Answered, summary: _Summary, bodies: Bodies, worker: str) -> RequestEvent:
    request, target, error, body = answered.request, answered.target, answered.error, answered.body
    received, read, served = request.received, answered.content.metadata, answered.served
    experiment = target.experiment if target else None
    return RequestEvent(
        request_id=received.request_id,
        at_us=received.at_us,
        endpoint=received.endpoint,
        route=target.route if target else body.model if body else "",
        stream=body.stream if body else False,
        status=answered.status,
        outcome=answered.outcome,
        reason=summary.reason,
        plan_hash=summary.plan_hash,
        worker=worker,
        key_id=request.caller.key_id,
        deployment=served.endpoint.deployment.name if served else None,
        experiment=experiment.name if experiment else None,
        variant_assigned=_assigned(target),
        variant_served=summary.served,
        unit=recorded_unit(received, request.routing, body, target),
        error_type=error.type if error else read.error_type,
        error_code=error.code if error else read.error_code,
        latency_ms=_ms(received.started, answered.ended),
        ttft_ms=_ms(received.started, answered.attempts[-1].first_byte if answered.attempts else None),
        tokens_in=read.tokens_in,
        tokens_out=read.tokens_out,
        usage_source=read.usage_source,
        cost_usd=summary.cost,
        model_served=read.model,
        system_fingerprint=read.fingerprint,
        response_id=read.response_id,
        finish_reason=read.finish_reason,
        refused=read.refused,
        retry_ordinal=summary.retry_ordinal,
        tags=read_tags(received.headers, request.routing.plan.capture),
        capture=bodies.outcome,
        request_body=bodies.request,
        response_body=bodies.response,
        arm_outcome=summary.outcomes.arm,
        user_outcome=summary.outcomes.user,
    )


def _attempt(answered: Answered, attempt: Attempt, summary: _Summary) -> AttemptEvent:
    last = attempt is answered.attempts[-1]
    read, failure = answered.content.metadata, attempt.failure
    return AttemptEvent(
        attempt_id=fresh_id(attempt.at_us // 1000),
        request_id=answered.request.received.request_id,
        at_us=attempt.at_us,
        ordinal=attempt.ordinal,
        purpose=attempt.purpose,
        deployment=attempt.arm.endpoint.deployment.name,
        plan_hash=summary.plan_hash,
        status=attempt.status,
        error_type=failure.type if failure else (read.error_type if last else None),
        error_message=redact_text(failure.message[:MESSAGE_LIMIT]) if failure else None,
        latency_ms=_ms(attempt.started, attempt.ended or answered.ended),
        ttft_ms=_ms(attempt.started, attempt.first_byte),
        tokens_in=read.tokens_in if last else None,
        tokens_out=read.tokens_out if last else None,
        usage_source=read.usage_source if last else "none",
        cost_usd=summary.cost if last else None,
    )


def _exposure(answered: Answered, target: Target, assignment: Assignment, summary: _Summary) -> ExposureEvent:
    received, experiment = answered.request.received, target.experiment
    assert experiment is not None  # only an experiment assigns
    return ExposureEvent(
        request_id=received.request_id,
        at_us=received.at_us,
        experiment=experiment.name,
        assigned=assignment.assigned,
        served=summary.served or assignment.served,
        reason=summary.reason,
        enrolled=assignment.enrolled,
        unit=target.unit,
        unit_kind=experiment.unit,
        enrol_bucket=assignment.enrol_bucket,
        arm_bucket=assignment.arm_bucket,
        propensity=assignment.propensity,
        stage=experiment.stage,
        retry_ordinal=summary.retry_ordinal,
        plan_hash=summary.plan_hash,
        analysis_hash=experiment.analysis_hash,
    )


def _assigned(target: Target | None) -> str | None:
    if target is None or target.experiment is None:
        return None
    return target.assignment.assigned if target.assignment else target.arm.name


def _ms(start: float, end: float | None) -> float | None:
    return None if end is None else round((end - start) * 1000, 3)
