"""Defines the declines that a resume accepts, checks what a person writes for them, and words them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil
from typing import Any

import msgspec

from fairtrial.domain.errors import BadRequest, Conflict
from fairtrial.domain.metrics import parse_margin
from fairtrial.domain.transition import Transition
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline
from fairtrial.experiments.decision.arm_words import arm_words
from fairtrial.experiments.lifecycle import ACCEPTED
from fairtrial.experiments.methods.finding import bare_size, is_share, size_words, way_words


def accepting(accepted: Iterable[AcceptedDecline]) -> dict[str, Any] | None:
    """The evidence of a resume with all declines that were accepted in the segment; ``None`` without any."""
    declines = msgspec.to_builtins(list(accepted))
    return {ACCEPTED: declines} if declines else None


def accepted_by(entered: Transition | None) -> tuple[AcceptedDecline, ...]:
    """What was accepted in the segment, by the resume into the present state; empty in other states."""
    evidence = (entered.evidence if entered is not None and entered.action == "resume" else None) or {}
    return msgspec.convert(evidence.get(ACCEPTED, ()), tuple[AcceptedDecline, ...])


def accept(
    plan: AnalysisPlan, offers: Sequence[AcceptedDecline], texts: Iterable[str], *, by: str, at_us: int
) -> tuple[AcceptedDecline, ...]:
    """The declines with the amounts that a person accepts, each ``25pp`` or ``30%``, perhaps after ``METRIC=``.

    Raises `BadRequest` for another amount, and `Conflict` if a decline lies beyond its amount, with what to write.
    """
    amounts = dict(_amount(plan, offers, text) for text in texts)
    chosen = [msgspec.structs.replace(offer, amount=_on_scale(offer, amounts), by=by, at_us=at_us) for offer in offers]
    beyond = [refusal_words(plan, decline) for decline in chosen if decline.is_beyond]
    if beyond:
        raise Conflict(f"experiments.{plan.experiment}: {'; '.join(beyond)}")
    return tuple(chosen)


def _amount(plan: AnalysisPlan, offers: Sequence[AcceptedDecline], text: str) -> tuple[str, tuple[float, bool]]:
    name, _, amount = text.rpartition("=")
    known = ", ".join(offer.metric for offer in offers)
    try:
        margin = parse_margin(amount)
    except ValueError as error:
        raise BadRequest(f"accept: {error} (write the decline that you accept, such as 25pp or 30%)") from None
    about = [offer for offer in offers if name in ("", offer.metric)]
    if not about:
        raise BadRequest(f"accept: {text!r} is about no decline that paused {plan.experiment} ({known or 'none'})")
    if not margin.relative and not all(is_share(plan.metric(offer.metric)) for offer in about):
        raise BadRequest(f"accept: points are for shares; write a share of the control's level, such as 30% ({known})")
    return name, (float(margin.value), margin.relative)


def _on_scale(offer: AcceptedDecline, amounts: Mapping[str, tuple[float, bool]]) -> float | None:
    value, relative = amounts.get(offer.metric) or amounts.get("") or (offer.amount, False)
    level = offer.arms[-1].level if offer.arms else None
    return value if value is None or not relative else value * abs(level or 0.0)


def decline_at_resume(plan: AnalysisPlan, decline: AcceptedDecline) -> str:
    """The decline of the last look: its size, the plain interval and the levels of both arms."""
    return f"{decline.metric} of {decline.variant} is {_size(plan, decline)}"


def _size(plan: AnalysisPlan, decline: AcceptedDecline) -> str:
    metric, interval = plan.metric(decline.metric), decline.decline
    levels = " against ".join(arm_words(plan, metric, arm) for arm in decline.arms)
    if interval is None:
        return f"worse by an unknown size ({levels or 'no data'})"
    size = way_words(-interval.value, metric)
    if interval.low is None or interval.high is None:
        return f"{size} ({levels})"
    ends = f"{bare_size(interval.low, metric)} to {bare_size(interval.high, metric)}"
    return f"{size} ({ends}, plain 95 % interval; {levels})"


def refusal_words(plan: AnalysisPlan, decline: AcceptedDecline) -> str:
    """Why a resume needs a larger amount, and which."""
    amount = "" if decline.amount is None else f"beyond {size_words(decline.amount, plan.metric(decline.metric))}, "
    return f"{decline_at_resume(plan, decline)}, {amount}so accept it by name: --accept {suggested(plan, decline)}"


def suggested(plan: AnalysisPlan, decline: AcceptedDecline) -> str:
    """The smallest whole amount beyond the plain interval, as ``--accept`` reads it."""
    interval, metric = decline.decline, plan.metric(decline.metric)
    high = 0.0 if interval is None else interval.value if interval.high is None else interval.high
    if is_share(metric):
        return f"{min(100, max(1, ceil(round(100 * high, 6))))}pp"
    level = abs(decline.arms[-1].level or 0.0) if decline.arms else 0.0
    return f"{max(1, ceil(round(100 * high / level, 6))) if level else 100}%"


def accepted_words(plan: AnalysisPlan, decline: AcceptedDecline) -> str:
    """What was accepted, by whom, and what still pauses and stops; a sentence without its full stop."""
    metric = plan.metric(decline.metric)
    head = f"{decline.by} accepted a decline of {decline.metric} of {decline.variant}"
    if decline.amount is None:
        return head
    stops = f"up to {size_words(decline.amount, metric)}, when it was {_size(plan, decline)}"
    again = "A larger one pauses it again" if plan.goes_on_after_pause else "It does not pause again"
    kill = ""
    if decline.kill_at is not None and metric.signal == "kill":
        kill = f"; more than {size_words(decline.kill_at, metric)} still stops it for good once proven"
    return f"{head} {stops}. {again}{kill}"


def grown_words(plan: AnalysisPlan, accepted: AcceptedDecline | None) -> str:
    """That a decline has grown beyond what was accepted; empty if nothing was."""
    if accepted is None or accepted.amount is None:
        return ""
    return f", beyond the {size_words(accepted.amount, plan.metric(accepted.metric))} that {accepted.by} accepted"


def accepted_texts(plan: AnalysisPlan, accepted: Iterable[AcceptedDecline]) -> Iterator[str]:
    """A sentence for each accepted decline whose size is known."""
    return (f"{accepted_words(plan, decline)}." for decline in accepted if decline.amount is not None)
