"""The record of one request: its request, attempt and exposure events, appended in one write before its last byte."""

from __future__ import annotations

import time
from typing import NamedTuple

from fairtrial.domain.events import AttemptEvent, Event, ExposureEvent, Reason, RequestEvent
from fairtrial.experiments.assignment import Assignment
from gateway.proxy.exchange import NO_BODIES, AttemptNote, Bodies, Exchange
from gateway.proxy.plan.routing_table import Routing
from gateway.proxy.recording.capture import capture_bodies, capture_in_turns
from gateway.proxy.recording.cost import cost_usd
from gateway.proxy.recording.outcomes import ANALYSED, outcomes_of
from gateway.proxy.recording.redaction import redact_text
from gateway.proxy.recording.tags import read_tags
from gateway.proxy.request_ids import fresh_id
from gateway.proxy.routing.continuation import CHAINED, note_place
from gateway.proxy.routing.named_unit import named_unit
from gateway.proxy.worker_state import Gateway, Outcomes

MESSAGE_LIMIT = 500


class _Ending(NamedTuple):
    """What several events of one request say alike."""

    reason: Reason
    served: str | None
    cost: str | None
    retry_ordinal: int
    plan_hash: str
    outcomes: Outcomes


def record(gateway: Gateway, exchange: Exchange) -> None:
    """Write the events of a request, once; a request without a caller that was let in leaves none."""
    routing, target = exchange.routing, exchange.target
    if exchange.recorded or exchange.caller is None or routing is None:
        return
    exchange.recorded = True
    exchange.ended = time.perf_counter()
    reason = reason_of(exchange)
    plan_hash = routing.plan.plan_hash
    outcomes = outcomes_of(exchange)
    ending = _Ending(reason, served_name(exchange), _cost(exchange), exchange.retry_ordinal, plan_hash, outcomes)
    events: list[Event] = [_request(exchange, ending, _bodies(gateway, exchange, routing), gateway.worker)]
    events += [_attempt(exchange, note, ending) for note in exchange.attempts]
    if target is not None and target.assignment is not None:
        exposure = _exposure(exchange, target.assignment, ending)
        events.append(exposure)
        if exposure.enrolled and reason in ANALYSED:
            gateway.counters.count_variant(exposure.experiment, exposure.assigned, outcomes, reason)
    if exchange.endpoint in CHAINED:
        note_place(gateway, exchange)
    gateway.counters.count(exchange.outcome, reason)
    gateway.counters.unread += exchange.unread
    gateway.journal.append(*events)


async def prepare(gateway: Gateway, exchange: Exchange) -> None:
    """Get the bodies of an answered request ready for `record`, in turns with other work where they are large."""
    if exchange.asked is not None and exchange.routing is not None:
        capture = exchange.routing.plan.capture
        caller = exchange.caller.key_id if exchange.caller else None
        exchange.bodies = await capture_in_turns(
            capture, exchange.asked, _recorded_answer(exchange), turns=gateway.turns, caller=caller
        )


def reason_of(exchange: Exchange) -> Reason:
    """Why what served did serve: a fallback outranks the target's own reason; nothing resolved is ``excluded``."""
    if exchange.target is None:
        return "excluded"
    fell_back = len(exchange.attempts) > 1 and any(note.purpose == "fallback" for note in exchange.attempts)
    return "fallback" if fell_back else exchange.target.reason


def served_name(exchange: Exchange) -> str | None:
    """The variant that served, or the bare deployment's name when a fallback is no variant of the experiment."""
    target, arm = exchange.target, exchange.served
    if target is None or target.experiment is None:
        return None
    arm = arm or target.arm
    return arm.name or arm.endpoint.name


def _recorded_answer(exchange: Exchange) -> bytes | None:
    """Without the provider's key: a text that is put together from a stream may hold what no event of it did."""
    answer, secret = exchange.answer, exchange.served.endpoint.secret if exchange.served else None
    return secret.blank(answer) if answer and secret is not None else answer


def _bodies(gateway: Gateway, exchange: Exchange, routing: Routing) -> Bodies:
    if exchange.asked is None:
        return NO_BODIES
    bodies = exchange.bodies or capture_bodies(routing.plan.capture, exchange.asked, _recorded_answer(exchange))
    gateway.counters.redaction_failures += bodies.outcome == "failed"
    for why in bodies.left_out:
        gateway.counters.left_out[why] += 1
    return bodies


def _request(exchange: Exchange, ending: _Ending, bodies: Bodies, worker: str) -> RequestEvent:
    target, read, error, asked = exchange.target, exchange.readout, exchange.error, exchange.asked
    served, caller, started = exchange.served, exchange.caller, exchange.started
    assert exchange.routing is not None
    assert caller is not None
    experiment = target.experiment if target else None
    return RequestEvent(
        request_id=exchange.request_id,
        at_us=exchange.at_us,
        endpoint=exchange.endpoint,
        route=target.route if target else asked.model if asked else "",
        stream=asked.stream if asked else False,
        status=exchange.status,
        outcome=exchange.outcome,
        reason=ending.reason,
        plan_hash=ending.plan_hash,
        worker=worker,
        key_id=caller.key_id,
        deployment=served.endpoint.deployment.name if served else None,
        experiment=experiment.name if experiment else None,
        variant_assigned=_assigned(exchange),
        variant_served=ending.served,
        unit=named_unit(exchange),
        error_type=error.type if error else read.error_type,
        error_code=error.code if error else read.error_code,
        latency_ms=_ms(started, exchange.ended),
        ttft_ms=_ms(started, exchange.attempts[-1].first_byte if exchange.attempts else None),
        tokens_in=read.tokens_in,
        tokens_out=read.tokens_out,
        usage_source=read.usage_source,
        cost_usd=ending.cost,
        model_served=read.model,
        system_fingerprint=read.fingerprint,
        response_id=read.response_id,
        finish_reason=read.finish_reason,
        refused=read.refused,
        retry_ordinal=ending.retry_ordinal,
        tags=read_tags(exchange.headers, exchange.routing.plan.capture),
        capture=bodies.outcome,
        request_body=bodies.request,
        response_body=bodies.response,
        arm_outcome=ending.outcomes.arm,
        user_outcome=ending.outcomes.user,
    )


def _attempt(exchange: Exchange, note: AttemptNote, ending: _Ending) -> AttemptEvent:
    last = note is exchange.attempts[-1]
    read, failure = exchange.readout, note.failure
    return AttemptEvent(
        attempt_id=fresh_id(note.at_us // 1000),
        request_id=exchange.request_id,
        at_us=note.at_us,
        ordinal=note.ordinal,
        purpose=note.purpose,
        deployment=note.arm.endpoint.deployment.name,
        plan_hash=ending.plan_hash,
        status=note.status,
        error_type=failure.type if failure else (read.error_type if last else None),
        error_message=redact_text(failure.message[:MESSAGE_LIMIT]) if failure else None,
        latency_ms=_ms(note.started, note.ended or exchange.ended),
        ttft_ms=_ms(note.started, note.first_byte),
        tokens_in=read.tokens_in if last else None,
        tokens_out=read.tokens_out if last else None,
        usage_source=read.usage_source if last else "none",
        cost_usd=ending.cost if last else None,
    )


def _exposure(exchange: Exchange, assignment: Assignment, ending: _Ending) -> ExposureEvent:
    target = exchange.target
    assert target is not None
    assert target.experiment is not None
    experiment = target.experiment
    return ExposureEvent(
        request_id=exchange.request_id,
        at_us=exchange.at_us,
        experiment=experiment.name,
        assigned=assignment.assigned,
        served=ending.served or assignment.served,
        reason=ending.reason,
        enrolled=assignment.enrolled,
        unit=target.unit,
        unit_kind=experiment.unit,
        enrol_bucket=assignment.enrol_bucket,
        arm_bucket=assignment.arm_bucket,
        propensity=assignment.propensity,
        stage=experiment.stage,
        retry_ordinal=ending.retry_ordinal,
        plan_hash=ending.plan_hash,
        analysis_hash=experiment.analysis_hash,
    )


def _assigned(exchange: Exchange) -> str | None:
    target = exchange.target
    if target is None or target.experiment is None:
        return None
    return target.assignment.assigned if target.assignment else target.arm.name


def _cost(exchange: Exchange) -> str | None:
    if exchange.served is None:
        return None
    price = exchange.served.endpoint.deployment.price
    return cost_usd(price, exchange.readout.tokens_in, exchange.readout.tokens_out)


def _ms(start: float, end: float | None) -> float | None:
    return None if end is None else round((end - start) * 1000, 3)
