"""Decides how a request was served, whose fault a failure was, what it costs, and whether the answer has its schema."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import lru_cache

from fairtrial.domain.errors import RequestError, UpstreamError
from fairtrial.domain.events import ArmOutcome, AttemptOutcome, Fault, Reason, ServiceOutcome, Tokens
from fairtrial.domain.limits.constants import FIRST_ERROR
from fairtrial.domain.limits.json_schema import LARGEST_ANSWER, LARGEST_SCHEMA, BoundedSchema, checked_schema, follows
from fairtrial.domain.settings import Price
from gateway.proxy.extraction.chat_metadata import ResponseMetadata
from gateway.proxy.plan.routing_table import RouteTarget
from gateway.proxy.stages import AnsweredRequest, Attempt

MILLION = Decimal(1_000_000)
"""The number of tokens for which a price is stated."""

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
REMEMBERED = 64
"""How many schemas are kept."""

_compiled: dict[bytes, BoundedSchema | None] = {}
_compiling = False


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


async def follows_schema(schema: bytes, metadata: ResponseMetadata) -> bool | None:
    """Whether the text of an answer follows the schema. Never raises.

    ``None`` is unknown: there is no text but a refusal or a call of a tool, or it is too much work.
    """
    text = metadata.text
    if not text or metadata.refused or len(schema) > LARGEST_SCHEMA or len(text) > LARGEST_ANSWER:
        return None
    if schema not in _compiled and not await _compile(schema):
        return None
    checked = _compiled[schema]
    return None if checked is None else follows(checked, text)


async def _compile(schema: bytes) -> bool:
    """Check the schema in a thread and remember it; false while that thread has another one."""
    global _compiling
    if _compiling:
        return False
    _compiling = True
    try:
        compiled = await asyncio.get_running_loop().run_in_executor(_thread(), checked_schema, schema)
    finally:
        _compiling = False
    if len(_compiled) >= REMEMBERED:
        del _compiled[next(iter(_compiled))]
    _compiled[schema] = compiled
    return True


@lru_cache(maxsize=1)
def _thread() -> ThreadPoolExecutor:
    """A thread for schemas alone, because others wait for the shared ones. The first schema imports a large library."""
    return ThreadPoolExecutor(1, thread_name_prefix="schemas")


def cost_usd(price: Price, tokens: Tokens | None) -> str | None:
    """US dollars as an exact decimal string; ``None`` unless every counted token has a price, and every price a count.

    A price by ``gpu_hour`` gives ``None`` here, because the request's share of the machine is not known when it ends.
    """
    if tokens is None or (price.input is None and price.output is None):
        return None
    total = Decimal(0)
    for count, rate in ((tokens.input, price.input), (tokens.output, price.output)):
        if count is None and not rate:
            continue  # an embedding has no tokens of an answer, and no price for them
        if count is None or (count and rate is None):
            return None
        total += (rate or 0) * count
    return format((total / MILLION).normalize(), "f")
