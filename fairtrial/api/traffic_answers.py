"""Declares what the operations on recorded requests, feedback and traffic answer."""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from fairtrial.api.operation import Answer, Time
from fairtrial.domain.events import (
    ArmOutcome,
    AttemptOutcome,
    CaptureOutcome,
    Fault,
    Purpose,
    Reason,
    RequestOutcome,
    ServiceOutcome,
)
from fairtrial.domain.money.tokens import CostBasis, UsageSource
from fairtrial.domain.settings import BreakerState, ExperimentState, UnitKind
from fairtrial.domain.store_reports import RequestCounts

Dollars = Annotated[Decimal, Meta(description="US dollars; unknown without a price")]
Pseudonym = Annotated[str, Meta(description="a pseudonym")]
Attribution = Literal[
    "request", "unit", "ambiguous", "unknown_request", "unknown_unit", "other_route", "undeclared_key"
]


class RequestRow(Answer, frozen=True, kw_only=True):
    """A request in the listing, as `RequestEvent` describes it.

    Its fields are columns of the store. The event nests the exposure and the attempts, and the journal fixes its order.
    """

    request_id: str
    at_time: Time
    endpoint: str
    route: str
    stream: bool
    status: int
    outcome: RequestOutcome
    reason: Reason
    plan_hash: str
    worker: str
    key_id: str | None
    deployment: str | None
    experiment: str | None
    variant_assigned: str | None
    variant_served: str | None
    unit: Pseudonym | None
    error_type: str | None
    error_code: str | None
    latency_ms: float | None
    ttft_ms: float | None
    tokens_in: int | None
    tokens_out: int | None
    usage_source: UsageSource | None
    cost_usd: Dollars | None
    model_served: str | None
    system_fingerprint: str | None
    response_id: str | None
    finish_reason: str | None
    refused: bool | None
    retry_ordinal: int | None
    tags: dict[str, str] | None
    capture: CaptureOutcome | None
    arm_outcome: ArmOutcome | None
    user_outcome: ServiceOutcome | None


class RequestAttempt(Answer, frozen=True, kw_only=True):
    """One upstream call for a request, as `AttemptRecord` describes it; ``ordinal``: from 0.

    The record nests the tokens, and calls of earlier versions have no outcome.
    """

    at_time: Time
    ordinal: int
    purpose: Purpose
    deployment: str
    status: int | None
    outcome: AttemptOutcome | None
    fault: Fault | None
    error_type: str | None
    error_code: str | None
    error_message: str | None
    latency_ms: float | None
    ttft_ms: float | None
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int | None
    tokens_cache_write: int | None
    tokens_cache_write_1h: int | None
    tokens_reasoning: int | None
    tokens_audio_in: int | None
    tokens_audio_out: int | None
    usage_source: UsageSource | None
    service_tier: str | None
    cost_usd: Dollars | None
    cost_basis: CostBasis | None
    provider_request_id: str | None


class RequestExposure(Answer, frozen=True, kw_only=True):
    """How an experiment assigned a request: its `Exposure`, with fields of the request that belong to it.

    An `Assignment` is what the gateway decides before it serves the request.
    """

    at_time: Time
    experiment: str
    assigned: str | None
    served: str | None
    reason: Reason
    enrolled: bool
    unit: Pseudonym | None
    unit_kind: UnitKind | None
    enrol_bucket: float | None
    arm_bucket: float | None
    propensity: float | None
    stage: Annotated[float, Meta(description="percent")] | None
    analysis_hash: str | None
    state: ExperimentState | None


class RecordedRequest(RequestRow, frozen=True, kw_only=True):
    """One request. Bodies are ``None`` if they were not captured; ``exposures`` has at most one."""

    latency_censored: bool | None
    refused_by_text: bool | None
    schema_requested: bool | None
    schema_valid: bool | None
    prompt_digest: str | None
    tokens_cached: int | None
    tokens_cache_write: int | None
    tokens_cache_write_1h: int | None
    tokens_reasoning: int | None
    tokens_audio_in: int | None
    tokens_audio_out: int | None
    service_tier: str | None
    cost_basis: CostBasis | None
    provider_request_id: str | None
    breaker: BreakerState | None
    trace_id: str | None
    span_id: str | None
    request_body: str | None
    response_body: str | None
    attempts: list[RequestAttempt]
    exposures: list[RequestExposure]


class TrafficSample(Answer, frozen=True, kw_only=True):
    """The newest recorded request with this prompt, with its bodies; ``requests``: how many have the prompt."""

    request_id: str
    route: str
    week: Annotated[str, Meta(description="the first day of its week")]
    requests: int
    request_body: str
    response_body: str


class UnitArrivals(Answer, frozen=True, kw_only=True):
    """The number of units in the last two weeks, and in the last one."""

    both: int
    last: int


class FeedbackRow(Answer, frozen=True, kw_only=True):
    """A feedback. ``subject``: the request that it is about. ``experiments``: those in which it counts.

    A `FeedbackEvent`, and the `Feedback` that a caller sends, are not yet attributed to a request.
    """

    feedback_id: str
    at_time: Time
    key: str
    request_id: str | None
    response_id: str | None
    unit: Pseudonym | None
    boolean: bool | None
    number: float | None
    category: str | None
    comment: str | None
    correction: str | None
    idempotency_key: str | None
    key_id: str | None
    attribution: Attribution | None
    subject: str | None
    experiments: list[str] | None


class AttributedFeedback(Answer, frozen=True, kw_only=True):
    """How many feedbacks with a key have an attribution."""

    attribution: Attribution
    key: str
    feedback: int


class RouteTraffic(RequestCounts, frozen=True, kw_only=True):
    """The traffic of a route and the deployment that was tried first. ``rejected``: only the upstream refused them."""

    route: str
    deployment: str | None
    rejected: int
    fallbacks: int
