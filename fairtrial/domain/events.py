"""Defines the events of the journal, each of which is one JSON line with a version.

Times are microseconds since 1970, UTC. ``None`` is unknown; an unknown cost is never 0. Bodies are part of the request
event but stored separately, so that they can be erased. Units are pseudonyms. Events are `msgspec.Struct`s, which are
several times faster than dataclasses; the gateway makes three for each request.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

Reason = Literal["assigned", "forced", "fallback", "kill", "not_enrolled", "no_unit", "excluded", "direct", "continued"]
"""Why this variant served: ``direct`` is a route or a pin to a deployment, without an experiment.

``continued``: the request continues a response of this arm, which is not the unit's assigned arm.
"""

RequestOutcome = Literal["ok", "error", "cancelled", "partial"]
ServiceOutcome = Literal["answered", "failed", "rejected", "none"]
"""How a request was served, from the view of its arm or of its caller.

``failed``: there was no usable answer (connection failure, timeout, 5xx, 429, broken or empty stream, invalid answer).
``rejected``: only the upstream refused the content of the request (400, 413, 422). ``none``: it does not count, because
of a caller error or a disconnect.
"""
Purpose = Literal["live", "retry", "fallback", "shadow"]
UsageSource = Literal["provider", "estimated", "partial", "none"]
CaptureOutcome = Literal["full", "redacted", "none", "failed"]
CaseOutcome = Literal["scored", "off_format", "refused", "truncated", "provider_error", "judge_error", "skipped"]
CASE_OUTCOMES: tuple[CaseOutcome, ...] = (
    "scored",
    "off_format",
    "refused",
    "truncated",
    "provider_error",
    "judge_error",
    "skipped",
)


class RequestEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One logical request of an application and its response.

    ``arm_outcome``: the outcome of the target's own attempts, whether or not a fallback answered; ``user_outcome``: the
    outcome for the caller. Older lines lack both fields, so the store computes them.
    """

    request_id: str
    at_us: int
    endpoint: str
    route: str
    stream: bool
    status: int
    outcome: RequestOutcome
    reason: Reason
    plan_hash: str
    worker: str
    key_id: str | None = None
    deployment: str | None = None
    experiment: str | None = None
    variant_assigned: str | None = None
    variant_served: str | None = None
    unit: str | None = None
    error_type: str | None = None
    error_code: str | None = None
    latency_ms: float | None = None
    ttft_ms: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    usage_source: UsageSource = "none"
    cost_usd: str | None = None
    model_served: str | None = None
    system_fingerprint: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    refused: bool | None = None
    retry_ordinal: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    capture: CaptureOutcome = "none"
    request_body: str | None = None
    response_body: str | None = None
    arm_outcome: ServiceOutcome | None = None
    user_outcome: ServiceOutcome | None = None
    kind: Literal["request"] = "request"
    v: int = 1


class AttemptEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One upstream call for a request; ``ordinal`` counts from 0."""

    attempt_id: str
    request_id: str
    at_us: int
    ordinal: int
    purpose: Purpose
    deployment: str
    plan_hash: str
    status: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    latency_ms: float | None = None
    ttft_ms: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    usage_source: UsageSource = "none"
    cost_usd: str | None = None
    kind: Literal["attempt"] = "attempt"
    v: int = 1


class ExposureEvent(Struct, frozen=True, kw_only=True, gc=False):
    """The variant that a unit was assigned, the one that served, and the reason. Buckets are in [0, 1)."""

    request_id: str
    at_us: int
    experiment: str
    assigned: str
    served: str
    reason: Reason
    enrolled: bool
    unit: str | None
    unit_kind: str
    enrol_bucket: float | None
    arm_bucket: float | None
    propensity: float | None
    stage: float
    retry_ordinal: int
    plan_hash: str
    analysis_hash: str
    kind: Literal["exposure"] = "exposure"
    v: int = 1


class FeedbackEvent(Struct, frozen=True, kw_only=True, gc=False):
    """A value attached later to a request or a unit; exactly one of the three values is set, unless there is only text.

    Exactly one of ``request_id``, ``response_id`` and ``unit`` is set; older lines have a response id in
    ``request_id``. ``routes``: the routes of the sender's key, empty for all. ``declared``: whether the configuration
    declares a metric for ``key``; ``None`` is unknown.
    """

    feedback_id: str
    at_us: int
    key: str
    request_id: str | None = None
    unit: str | None = None
    boolean: bool | None = None
    number: float | None = None
    category: str | None = None
    comment: str | None = None
    correction: str | None = None
    idempotency_key: str | None = None
    key_id: str | None = None
    response_id: str | None = None
    routes: list[str] = field(default_factory=list)
    declared: bool | None = None
    kind: Literal["feedback"] = "feedback"
    v: int = 1


class RunEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One suite on one target, when it has ended; ``counts`` has each case outcome, ``metrics`` each aggregate."""

    run_id: str
    at_us: int
    ended_us: int
    suite: str
    suite_digest: str
    target: str
    deployment_digest: str
    fingerprint: str | None
    seed: int
    repeat: int
    status: Literal["finished", "interrupted"]
    counts: dict[str, int]
    metrics: dict[str, float | None]
    versions: dict[str, str]
    plan_hash: str
    kind: Literal["run"] = "run"
    v: int = 1


class SuiteEvent(Struct, frozen=True, kw_only=True, gc=False):
    """A suite's text, written before each of its runs, with everything that a gate needs without the suite's files.

    ``text`` is JSON with the suite's gate lines, slices and scorers, and digests instead of its rows. Segments with
    this event have a separate version, because the first release does not know this kind.
    """

    at_us: int
    suite: str
    suite_digest: str
    text: str
    kind: Literal["suite"] = "suite"
    v: int = 1


class CaseResultEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One case of a run; ``output`` is the model's answer; ``cached`` rows have the latency of the original call.

    ``expected`` is the case's reference, ``asked`` its messages, both as JSON.
    """

    run_id: str
    case_id: str
    repeat: int
    at_us: int
    outcome: CaseOutcome
    output: str | None
    error: str | None
    latency_ms: float | None
    ttft_ms: float | None
    tokens_in: int | None
    tokens_out: int | None
    finish_reason: str | None
    cached: bool
    request_id: str | None
    tags: dict[str, str]
    cluster: str | None = None
    expected: str | None = None
    refusal: str | None = None
    fingerprint: str | None = None
    cost_usd: float | None = None
    asked: str | None = None
    kind: Literal["case_result"] = "case_result"
    v: int = 1


class ScoreEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One scorer's value for one case; ``value`` is ``None`` if it could not be scored, and ``why`` is the reason.

    ``details`` is the score's details as JSON.
    """

    run_id: str
    case_id: str
    repeat: int
    at_us: int
    metric: str
    value: float | None
    label: str | None = None
    expected: str | None = None
    why: str | None = None
    details: str | None = None
    kind: Literal["score"] = "score"
    v: int = 1


Event = (
    RequestEvent | AttemptEvent | ExposureEvent | FeedbackEvent | RunEvent | SuiteEvent | CaseResultEvent | ScoreEvent
)
EVENTS: tuple[type[Event], ...] = (
    RequestEvent,
    AttemptEvent,
    ExposureEvent,
    FeedbackEvent,
    RunEvent,
    SuiteEvent,
    CaseResultEvent,
    ScoreEvent,
)
