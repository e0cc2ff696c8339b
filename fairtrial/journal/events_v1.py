"""Defines the events that the first release writes for a request: three lines, which newer programs still read.

`RequestEvent` of today holds all of them in one line.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from fairtrial.domain.events import Purpose, Reason, RequestEvent, UsageSource


class RequestEventV1(RequestEvent, frozen=True, kw_only=True, gc=False, omit_defaults=False):
    """One logical request of an application and its response, whose attempts and exposure are separate lines.

    Older lines lack ``arm_outcome`` and ``user_outcome``, so the store computes them.
    """

    kind: Literal["request"] = "request"
    v: int = 1
    stream: bool
    deployment: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    usage_source: UsageSource = "none"
    cost_usd: str | None = None


class AttemptEventV1(Struct, frozen=True, kw_only=True, gc=False):
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


class ExposureEventV1(Struct, frozen=True, kw_only=True, gc=False):
    """The variant that a unit was assigned, the one that served, and the reason. Buckets are in [0, 1).

    It is not derived from `Exposure`, which has the experiment's state. Version 1 did not record the state.
    """

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


EventV1 = RequestEventV1 | AttemptEventV1 | ExposureEventV1
EVENTS_V1: tuple[type[EventV1], ...] = (RequestEventV1, AttemptEventV1, ExposureEventV1)
