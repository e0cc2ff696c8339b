"""Implements the operations on the history of plans."""

from datetime import UTC, datetime

import msgspec

from fairtrial.api.operation import Window
from fairtrial.api.plans import ComparePlans, FieldDifference, NamePlan, PlanAt, ServedThen
from fairtrial.config.plan.plan_record import plan_diff
from fairtrial.domain.errors import BadRequest
from fairtrial.domain.limits.constants import microseconds
from fairtrial.store.core.query import Query
from fairtrial.store.experiments import published_plans
from gateway.control.context import Context, EncodedAnswer, page_of


def listing(_: Context, request: Window) -> Query:
    return published_plans.listing(page_of(request))


def at_time(context: Context, request: PlanAt) -> ServedThen:
    return published_plans.in_force(context.database, _past_us(request.at, context.now_us))


def difference(context: Context, request: ComparePlans) -> list[FieldDifference]:
    old, new = (published_plans.find(context.database, start) for start in (request.old, request.new))
    return plan_diff(old, new)


def one(context: Context, request: NamePlan) -> EncodedAnswer:
    return EncodedAnswer(msgspec.json.encode(published_plans.find(context.database, request.plan_hash)))


def _past_us(text: str, now_us: int) -> int:
    """Microseconds since 1970; raises `BadRequest` for the future, because nobody knows what will be served."""
    try:
        at = datetime.fromisoformat(text)
        utc = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"at: {text!r} is not a time in ISO 8601 (2026-11-26T14:30)") from error
    at_us = microseconds(utc.replace(tzinfo=None))
    if at_us > now_us:
        raise BadRequest(f"at: {utc:%Y-%m-%d %H:%M:%S} UTC is in the future")
    return at_us
