"""Decides how a request and its calls were served, and whose fault a failure was; records each call with its cost."""

import re
from collections.abc import Sequence

from msgspec.structs import replace

from fairtrial.domain.errors import RequestError, UpstreamError
from fairtrial.domain.events import (
    ArmOutcome,
    AttemptOutcome,
    AttemptRecord,
    Fault,
    Reason,
    ServiceOutcome,
)
from fairtrial.domain.limits.constants import FIRST_ERROR
from fairtrial.domain.money.cost import cost_usd
from fairtrial.domain.money.tokens import CostBasis, Tokens
from fairtrial.domain.plan import Deployment
from gateway.proxy.extraction.chat_metadata import NOTHING, ResponseMetadata
from gateway.proxy.plan.routing_table import RouteTarget
from gateway.proxy.plan.usage_reports import BytesPerToken
from gateway.proxy.recording.redaction import redact_text
from gateway.proxy.stages import AnsweredRequest, Attempt
from gateway.proxy.wire.http import PROVIDER_IDS

MESSAGE_LIMIT = 500
OK = 200
LARGEST_RATIO = 40
"""Bytes of a prompt per token. Images and audio have more, and say nothing about text."""

_PROVIDER_IDS = frozenset(PROVIDER_IDS)
_PROVIDER_ID = re.compile(rb"[\x21-\x7e]{1,128}")

REJECTED = frozenset({400, 413, 422})
"""Statuses with which only the upstream refuses the request's content: too long for its context, unknown parameter.

Any other error status is the upstream's own fault: 401 is the gateway's key, 404 a model that the server has not
loaded.
"""
MISCONFIGURED = frozenset({401, 403, 404})
"""Statuses of a wrong key or model name in the gateway's configuration."""

KEY_MISSING = "deployment_key_missing"
"""The code of an error for a provider's key that is not in the environment."""

_SERVED: tuple[ArmOutcome, ServiceOutcome] = ("answered", "answered")
_ANSWERED: tuple[AttemptOutcome, Fault | None] = ("answered", None)


def outcomes_of(answered: AnsweredRequest) -> tuple[ArmOutcome, ServiceOutcome]:
    """How the arm served a request that has ended, and what its client got.

    A fallback is called only after the arm has failed, or after a breaker or a rest has kept the request from it.

    For requests of earlier versions, `fairtrial/store/derived/derived_columns.py` computes the same; a test compares
    them.
    """
    kept_away = answered.kept_away and not _was_called(answered.attempts)
    if answered.outcome == "ok" and not kept_away and answered.last is not None and answered.last.purpose == "live":
        return _SERVED  # at once, as nearly always
    if not answered.attempts:
        failed = answered.outcome != "cancelled" and answered.status >= 500
        return "kept_away" if kept_away else "none", "failed" if failed else "none"
    user, by_gateway = _user_outcome(answered)
    if kept_away:
        return "kept_away", user
    if fell_back(answered.attempts):
        return "failed", user
    return "none" if by_gateway else user, user


def fell_back(attempts: Sequence[Attempt]) -> bool:
    """Whether a fallback was called. Its call may have been sent a second time, which is an attempt of its own."""
    return (
        bool(attempts) and attempts[-1].purpose != "live" and any(attempt.purpose == "fallback" for attempt in attempts)
    )


def _was_called(attempts: Sequence[Attempt]) -> bool:
    """Whether the arm itself was called and failed. Its calls, and a probe that failed, come before a fallback's."""
    return bool(attempts) and attempts[0].purpose != "fallback" and attempts[0].failure is not None


def reason_of(target: RouteTarget | None, attempts: Sequence[Attempt]) -> Reason:
    """Why the arm served. A fallback takes precedence over the target's own reason."""
    if target is None:
        return "excluded"
    return "fallback" if fell_back(attempts) else target.reason


def served_name(target: RouteTarget, attempts: Sequence[Attempt]) -> str | None:
    """The variant that served, or the deployment's name when a fallback is not a variant of the experiment."""
    if target.experiment is None:
        return None
    arm = attempts[-1].arm if attempts else target.arm
    return arm.name or arm.endpoint.name


def _user_outcome(answered: AnsweredRequest) -> tuple[ServiceOutcome, bool]:
    """What the client got in the end, and whether it was the gateway itself that did not serve."""
    if answered.outcome == "ok":
        return "answered", False
    if answered.outcome == "cancelled":
        return "none", False
    if answered.last is not None and answered.last.status in REJECTED:
        return "rejected", False
    error = answered.error
    if error is None or isinstance(error, UpstreamError):
        return "failed", False
    return ("failed", True) if error.status >= 500 else ("none", False)


def attempt_outcome(answered: AnsweredRequest, attempt: Attempt) -> tuple[AttemptOutcome, Fault | None]:
    """How one upstream call ended, and whose fault it was that it failed."""
    error, is_last = attempt.failure, attempt is answered.last
    if is_last and error is None:
        if answered.outcome == "ok":
            return _ANSWERED
        if answered.outcome == "cancelled" and (attempt.status is None or attempt.status < FIRST_ERROR):
            return _ANSWERED if answered.read.done else ("cancelled", "caller")
        error = answered.error
    if not is_last and error is None:
        return _ANSWERED  # a probe, whose answer nobody needed
    if attempt.status in REJECTED:
        return "rejected", "caller"
    if attempt.status in MISCONFIGURED:
        return "failed", "configuration"
    return _failed(error)


def _failed(error: RequestError | None) -> tuple[AttemptOutcome, Fault]:
    if error is None or (isinstance(error, UpstreamError) and error.code != KEY_MISSING):
        return "failed", "upstream"
    own = error.status >= 500 and not isinstance(error, UpstreamError)
    return ("cancelled", "gateway") if own else ("failed", "configuration")


def attempt_record(answered: AnsweredRequest, attempt: Attempt) -> AttemptRecord:
    """The record of one upstream call. What the answer says of itself belongs to the last one."""
    read = attempt.discarded if attempt.discarded is not NOTHING or attempt is not answered.last else answered.read
    deployment, failure = attempt.arm.endpoint.deployment, attempt.failure
    outcome, fault = attempt_outcome(answered, attempt)
    body = answered.body
    if body is not None and body.stream:
        ratios = attempt.arm.endpoint.health.ratios
        if read.usage_source == "provider":
            learn(ratios, body.body, read)
        elif read.tokens is None and attempt.first_byte is not None and outcome != "answered" and attempt.status == OK:
            answer = answered.content.body if attempt is answered.last else None
            read = estimated(ratios, body.body, read, answer)
    cost, basis = _cost(deployment, attempt, read)
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
        latency_ms=milliseconds(attempt.started, ended),
        ttft_ms=None if began is None else milliseconds(attempt.started, began),
        tokens=read.tokens,
        usage_source=read.usage_source,
        cost_usd=cost,
        provider_request_id=_provider_id(attempt),
        service_tier=read.service_tier,
        cost_basis=basis,
    )


def _cost(deployment: Deployment, attempt: Attempt, read: ResponseMetadata) -> tuple[str | None, CostBasis | None]:
    """The cost that the provider reports, else that of the tokens by the price of the time."""
    if read.reported_cost is not None:
        return read.reported_cost, "reported"
    if read.tokens is None:
        return None, None
    price = deployment.price_at(attempt.at_us) if deployment.later_prices else deployment.price
    cost, basis = cost_usd(price, read.tokens, read.service_tier)
    return cost, basis if cost is None or read.usage_source == "provider" else "estimated"


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


def milliseconds(start: float, end: float) -> float:
    return int((end - start) * 1e6 + 0.5) / 1000  # as round to three digits, at less than half of its cost


def learn(ratios: BytesPerToken, request: bytes, read: ResponseMetadata) -> None:
    """Note how many bytes a token of a counted call had."""
    tokens = read.tokens
    assert tokens is not None
    if tokens.input and len(request) < LARGEST_RATIO * tokens.input:
        ratios.prompt_bytes += len(request)
        ratios.prompt_tokens += tokens.input
    said = (tokens.output or 0) - (tokens.reasoning or 0)
    if said > 0 and read.text:
        ratios.answer_bytes += len(read.text)
        ratios.answer_tokens += said


def estimated(ratios: BytesPerToken, request: bytes, read: ResponseMetadata, answer: bytes | None) -> ResponseMetadata:
    """The metadata with estimated tokens. Those of an image or a sound can't be estimated, nor those of reasoning."""
    if b";base64," in request or b'"input_audio"' in request:
        return read
    size = len(read.text) if read.text else len(answer or b"")
    tokens = Tokens(
        input=round(len(request) * ratios.prompt_tokens / ratios.prompt_bytes),
        output=round(size * ratios.answer_tokens / ratios.answer_bytes),
    )
    return replace(read, tokens=tokens, usage_source="estimated")
