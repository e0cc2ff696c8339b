"""Defines the declines that a resume accepts, checks what a person writes for them, and words them."""

from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from typing import Any

import msgspec

from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.errors import BadRequest, Conflict
from fairtrial.domain.metrics import Margin, parse_margin
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
    """What was accepted in the segment, while it runs or is paused; ``entered``: the transition into this state."""
    evidence = (entered.evidence if entered is not None and entered.action in ("resume", "pause") else None) or {}
    return msgspec.convert(evidence.get(ACCEPTED, ()), tuple[AcceptedDecline, ...])


def accept(
    plan: AnalysisPlan, offers: Sequence[AcceptedDecline], texts: Iterable[str], *, by: str, at_us: int
) -> tuple[AcceptedDecline, ...]:
    """The declines with the amounts that a person accepts, each ``25pp`` or ``30%``, perhaps after ``METRIC=``.

    Raises `BadRequest` for another amount, and `Conflict` if a decline lies beyond its amount, with what to write.
    """
    amounts = dict(_amount(plan, offers, text) for text in texts)
    written = [amounts.get(offer.metric) or amounts.get("") for offer in offers]
    chosen = [
        msgspec.structs.replace(offer, amount=_on_scale(plan, offer, amount), by=by, at_us=at_us)
        for offer, amount in zip(offers, written, strict=True)
    ]
    beyond = [
        refusal_words(plan, decline) if amount is None else too_little_words(plan, decline)
        for decline, amount in zip(chosen, written, strict=True)
        if decline.is_beyond
    ]
    if beyond:
        raise Conflict(f"experiments.{plan.experiment}: {'; '.join(beyond)}")
    return tuple(chosen)


def _amount(plan: AnalysisPlan, offers: Sequence[AcceptedDecline], text: str) -> tuple[str, Margin]:
    name, _, amount = text.rpartition("=")
    known = ", ".join(offer.metric for offer in offers)
    try:
        margin = parse_margin(amount)
    except ValueError as error:
        where = f"accept: {name}" if name else "accept"
        raise BadRequest(f"{where}: {error} (write the decline that you accept, such as 25pp or 30%)") from None
    about = [offer for offer in offers if name in ("", offer.metric)]
    if not about:
        raise BadRequest(f"accept: {text!r} is about no decline that paused {plan.experiment} ({known or 'none'})")
    if not margin.relative and not all(is_share(plan.metric(offer.metric)) for offer in about):
        raise BadRequest(f"accept: points are for shares; write a share of the control's level, such as 30% ({known})")
    return name, margin


def _on_scale(plan: AnalysisPlan, offer: AcceptedDecline, margin: Margin | None) -> float | None:
    if margin is None:
        return offer.amount
    level = (offer.arms[-1].level if offer.arms else None) or 0.0
    amount = float(margin.value) * (abs(level) if margin.relative else 1.0)
    if amount > 1 and is_share(plan.metric(offer.metric)):
        written = f"{float(100 * margin.value):g}{'%' if margin.relative else 'pp'}"
        raise BadRequest(f"accept: {written!r} is more than 100 points, the whole of a rate ({offer.metric})")
    return amount


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


def too_little_words(plan: AnalysisPlan, decline: AcceptedDecline) -> str:
    """Why a resume needs a larger amount than the one that a person wrote, and which."""
    metric, interval = plan.metric(decline.metric), decline.decline
    reach = "the size of the decline is unknown"
    if interval is not None and interval.low is not None and interval.high is not None:
        ends = f"{bare_size(interval.low, metric)} to {size_words(interval.high, metric)}"
        reach = f"the decline's interval reaches from {ends}"
    elif interval is not None:
        reach = f"the decline is {size_words(interval.value, metric)}"
    about, amount = f"{decline.metric} of {decline.variant}", size_words(decline.amount or 0.0, metric)
    return f"{about}: {amount} is too little, because {reach}; write --accept {suggested(plan, decline)}"


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
