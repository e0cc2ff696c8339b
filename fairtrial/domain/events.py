"""What the journal records: a versioned union of frozen values, one JSON line each.

Times are microseconds since 1970, UTC. ``None`` is unknown; a cost that isn't known is never 0. Bodies ride in the
request event and are stored apart, so that they can be erased. Units are pseudonyms. They are `msgspec.Struct`s, which
are made and written several times faster than dataclasses: the gateway makes three for each request.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

Reason = Literal["assigned", "forced", "fallback", "kill", "not_enrolled", "no_unit", "excluded", "direct", "continued"]
"""Why this variant served: ``direct`` is a route or a pin to a deployment, without an experiment.

``continued``: another arm than the unit's own had made the response that this request continues.
"""

RequestOutcome = Literal["ok", "error", "cancelled", "partial"]
ServiceOutcome = Literal["answered", "failed", "rejected", "none"]
"""How a request was served, seen from its arm or from its caller.

``failed``: no usable answer came (connection failure, timeout, 5xx, 429, broken or empty stream, unreadable answer).
``rejected``: only the upstream refused what the request says (400, 413, 422). ``none``: it counts for nobody, because
the caller made a mistake or left.
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
    """What the application asked and got, once for each logical request.

    ``arm_outcome``: what the target's own attempts came to, whether or not a fallback answered; ``user_outcome``: what
    the caller got in the end. Lines from before these fields have neither, and the store computes both.
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
    """One upstream call made for a request; ``ordinal`` counts from 0."""

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
    """This unit was assigned this variant and served that one, and why. Buckets are in [0, 1)."""

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
    """A value attached later to a request (or to a unit); exactly one of the three values, unless only words came.

    Exactly one of ``request_id``, ``response_id`` and ``unit`` is set; lines from before ``response_id`` have a
    response id in ``request_id``. ``routes``: those that the sender's key is bound to, empty for all. ``declared``:
    whether the file declared a metric for ``key``; ``None`` is unknown.
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
    """A suite's text, written before each of its runs: all that a gate must know of it, without the suite's files.

    ``text`` is JSON with the suite's gate lines, slices and scorers, and digests instead of its rows. Its segments
    have a version of their own, because the first release does not know this kind.
    """

    at_us: int
    suite: str
    suite_digest: str
    text: str
    kind: Literal["suite"] = "suite"
    v: int = 1


class CaseResultEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One case of a run; ``output`` is what the model answered; ``cached`` rows have the latency of the first call.

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
    """One scorer's value for one case; ``value`` is ``None`` where it could not be scored, and ``why`` says so.

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
