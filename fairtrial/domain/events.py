"""Defines the events of the journal, each of which is one JSON line with a version.

Times are microseconds since 1970, UTC. ``None`` is unknown; an unknown cost is never 0. Bodies are part of the request
event but stored separately, so that they can be erased. Units are pseudonyms. Events are `msgspec.Struct`s, which are
several times faster than dataclasses. A request is one event of version 2, which leaves out what has its default value;
`journal.reader` has the three events that a request was before.
"""

from typing import Any, Literal

from msgspec import Struct, field

from fairtrial.domain.money.tokens import CostBasis, Tokens, UsageSource
from fairtrial.domain.run import HEAD, CaseOutcome, StoredRun
from fairtrial.domain.settings import BreakerState, ExperimentState, UnitKind

REQUEST = "request"
REQUEST_VERSION = 2
"""The version of `RequestEvent`; all other events have version 1."""

Reason = Literal[
    "assigned", "forced", "fallback", "kill", "not_enrolled", "no_unit", "excluded", "direct", "continued", "promoted"
]
"""Why this variant served: ``direct`` is a route to a deployment, without an experiment.

``forced``: the caller chose the variant or the deployment by a header, as suites, judges and probes do.

``promoted``: the variant serves everyone, and the request is in no statistic of the experiment. ``continued``: the
request continues a response of this arm, which is not the unit's assigned arm.
"""

RequestOutcome = Literal["ok", "error", "cancelled", "partial"]
ServiceOutcome = Literal["answered", "failed", "rejected", "none"]
"""How a request was served, from the view of its arm or of its caller.

``failed``: there was no usable answer (connection failure, timeout, 5xx, 429, broken or empty stream, invalid answer).
``rejected``: only the upstream refused the content of the request (400, 413, 422). ``none``: it does not count, because
of a caller error or a disconnect.
"""
ArmOutcome = ServiceOutcome | Literal["kept_away"]
"""How the arm served. ``kept_away``: it was never called, because of an open breaker or a rest, which is no failure."""
AttemptOutcome = Literal["answered", "failed", "rejected", "cancelled"]
"""How one upstream call ended: like `ServiceOutcome`; ``cancelled``: its client left, or the gateway stopped."""

Fault = Literal["upstream", "configuration", "caller", "gateway"]
"""Who caused an upstream call to fail. ``configuration``: the gateway's key or the model's name was wrong (401 to 404).
"""

Purpose = Literal["live", "retry", "fallback", "shadow"]
CaptureOutcome = Literal["full", "redacted", "none", "failed"]


class AttemptRecord(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One upstream call for a request; its place in the list is its ordinal, from 0.

    ``fault``: who caused it to fail, or ``None`` if it did not. ``latency_ms`` of a cancelled call is a lower bound.
    ``error_message`` is redacted.
    """

    purpose: Purpose
    deployment: str
    at_us: int
    outcome: AttemptOutcome
    status: int | None = None
    fault: Fault | None = None
    error_type: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    latency_ms: float | None = None
    ttft_ms: float | None = None
    tokens: Tokens | None = None
    usage_source: UsageSource = "none"
    cost_usd: str | None = None
    provider_request_id: str | None = None
    service_tier: str | None = None
    cost_basis: CostBasis | None = None


class Exposure(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The variant that an experiment assigned to a request's unit is in the request; this is how it was assigned.

    ``unit``: the pseudonym of what is randomised, which need not be the request's user. ``state``: that of the
    experiment. ``stage``: percent. Buckets are in [0, 1).
    """

    unit_kind: UnitKind
    enrolled: bool
    state: ExperimentState
    stage: float
    unit: str | None = None
    enrol_bucket: float | None = None
    arm_bucket: float | None = None
    propensity: float | None = None
    analysis_hash: str = ""


class RequestEvent(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One logical request of an application, with its response, its attempts and its exposure.

    The deployment, tokens and cost of the response are those of the last attempt. ``arm_outcome``: the outcome of the
    target's own attempts, whether or not a fallback answered; ``user_outcome``: the outcome for the caller.
    ``latency_censored``: the client left before the end, so the latency is a lower bound. ``refused``: by a field of
    the API; ``refused_by_text``: by how the answer begins. ``schema_requested``: the request asked for JSON or for a
    JSON schema; ``schema_valid``: whether the output follows it. ``prompt_digest``: a keyed digest of the messages.
    ``breaker``: the state in which it met its arm's circuit breaker: ``open`` kept it from the arm, ``half_open`` sent
    it as a probe. If it was kept away and the breaker was not open, the provider had asked for a pause. ``trace_id``,
    ``span_id``: the caller's, of W3C Trace Context.
    """

    kind: str = field(default_factory=REQUEST.__str__)  # a factory's value is not left out of the line
    v: int = field(default_factory=REQUEST_VERSION.__int__)
    request_id: str
    at_us: int
    endpoint: str
    route: str
    status: int
    outcome: RequestOutcome
    reason: Reason
    plan_hash: str
    worker: str
    stream: bool = False
    key_id: str | None = None
    experiment: str | None = None
    variant_assigned: str | None = None
    variant_served: str | None = None
    unit: str | None = None
    error_type: str | None = None
    error_code: str | None = None
    latency_ms: float | None = None
    ttft_ms: float | None = None
    latency_censored: bool = False
    model_served: str | None = None
    system_fingerprint: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    refused: bool | None = None
    refused_by_text: bool | None = None
    schema_requested: bool = False
    schema_valid: bool | None = None
    prompt_digest: str | None = None
    retry_ordinal: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    trace_id: str | None = None
    span_id: str | None = None
    breaker: BreakerState | None = None
    arm_outcome: ArmOutcome | None = None
    user_outcome: ServiceOutcome | None = None
    exposure: Exposure | None = None
    attempts: list[AttemptRecord] = field(default_factory=list)
    capture: CaptureOutcome = "none"
    request_body: str | None = None
    response_body: str | None = None


class ShadowEvent(Struct, frozen=True, kw_only=True, gc=False):
    """The copy of a request for a shadow's candidate. ``dropped``: never sent, as the gateway itself was overloaded."""

    request_id: str
    copy_id: str
    at_us: int
    shadow_id: str
    route: str
    plan_hash: str
    prompt_bytes: int
    unit: str | None = None
    dropped: bool = False
    attempt: AttemptRecord | None = None
    refused: bool | None = None
    schema_valid: bool | None = None
    response_body: str | None = None
    kind: Literal["shadow"] = "shadow"
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


class RunEvent(StoredRun, frozen=True, kw_only=True, gc=False):
    """One suite on one target, when it has ended."""

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

    ``expected`` is the case's reference, ``asked`` its messages, both as JSON. ``controls``: the outcome of each of the
    `REPLACEMENTS`. In the program the answer is an `Answer`; the names and the order of fields here are the journal's.
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
    controls: list[str] | None = None
    kind: Literal["case_result"] = "case_result"
    v: int = 1


class ScoreEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One scorer's value for one case; ``value`` is ``None`` if it could not be scored, and ``why`` is the reason.

    ``details`` is the score's details as JSON. ``controls``: the value of each of the `REPLACEMENTS`, and
    ``control_details`` their details as a JSON array, which have no text.
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
    controls: list[float | None] | None = None
    control_details: str | None = None
    kind: Literal["score"] = "score"
    v: int = 1


Event = RequestEvent | ShadowEvent | FeedbackEvent | RunEvent | SuiteEvent | CaseResultEvent | ScoreEvent
EVENTS: tuple[type[Event], ...] = (
    RequestEvent, ShadowEvent, FeedbackEvent, RunEvent, SuiteEvent, CaseResultEvent, ScoreEvent
)  # fmt: skip


def head_of_event(run: RunEvent) -> dict[str, Any]:
    """The fields of the head of the run, as a `RunHead` names them."""
    same = {name: getattr(run, name) for name in HEAD - {"started_us", "interrupted"}}
    return same | {"started_us": run.at_us, "interrupted": run.status == "interrupted"}
