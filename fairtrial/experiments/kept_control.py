"""Says which control stays after a promotion, for how long, and in which words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from fairtrial.domain.errors import BadRequest
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.plan import Experiment
from fairtrial.domain.settings import KeptControl, duration_seconds
from fairtrial.domain.wording import counted

LEAST_SHARE, MOST_SHARE = 1, 50
"""The limits of the share in percent."""
LEAST_DAYS, MOST_DAYS = 1, 90
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%")


@dataclass(frozen=True, slots=True)
class KeptTerms:
    """The ``share`` of the units in percent that stays on the control, and for how many ``days``."""

    share: float
    days: float


def kept_terms(share: str | None, keep_for: str | None) -> KeptTerms | None:
    """What a promotion asks for, ``None`` if it keeps no control; raises `BadRequest`, which names the limits."""
    if share is None and keep_for is None:
        return None
    if share is None or keep_for is None:
        missing, example = ("keep_control", "5%") if share is None else ("keep_for", "14d")
        raise BadRequest(
            f"{missing}: a control is kept at a share for a time, such as 5% for 14d ({missing}: {example} is missing)",
            param=missing,
        )
    percent, days = _PERCENT.fullmatch(share.strip()), _days(keep_for)
    if percent is None or not LEAST_SHARE <= Decimal(percent[1]) <= MOST_SHARE:
        raise BadRequest(
            f"keep_control: {share!r} is not a share from {LEAST_SHARE}% to {MOST_SHARE}% (write 5%)",
            param="keep_control",
        )
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise BadRequest(
            f"keep_for: {keep_for!r} is not a time from {LEAST_DAYS}d to {MOST_DAYS}d (write 14d)", param="keep_for"
        )
    return KeptTerms(float(percent[1]), days)


def _days(text: str) -> float:
    try:
        return duration_seconds(text) / 86_400
    except ValueError:
        return 0.0


def kept_control(experiment: Experiment, variant: str, terms: KeptTerms, *, now_us: int) -> KeptControl:
    """The control that stays: its units with the lowest arm buckets, so that no unit comes back to the control.

    Units that are not enrolled have the control, too, so that the share is one of all units. Raises `BadRequest` for a
    share that the control does not have, and for an experiment without guardrails.
    """
    where, control = f"experiments.{experiment.name}", experiment.variant(experiment.control)
    if not experiment.watched:
        raise BadRequest(f"{where}: it has no guardrail, so a kept control would show no harm", param="keep_control")
    if terms.share > control.weight:
        raise BadRequest(
            f"{where}: {control.name} has {control.weight:g} % of the split, so at most {control.weight:g}% can stay "
            "without a user who comes back to it",
            param="keep_control",
        )
    before = [one for one in experiment.variants if one.name < control.name]
    first = float(sum((Decimal(repr(one.weight)) for one in before), Decimal()))
    until_us = now_us + round(terms.days * DAY_US)
    return KeptControl(variant, terms.share, first, until_us, experiment.segment, terms.days)


def kept_words(kept: KeptControl) -> str:
    """What stays, such as ``control kept at 5 % until 19 Feb 2027, 08:00 UTC``."""
    return f"control kept at {kept.share:g} % until {until_words(kept)}"


def until_words(kept: KeptControl) -> str:
    """When the control ends to be kept."""
    until = datetime.fromtimestamp(kept.until_us // 1_000_000, UTC)
    return f"{until.day} {until:%b %Y, %H:%M} UTC"


def over_words(kept: KeptControl, control: str) -> str:
    """Why the experiment ends as promoted."""
    days = counted(round(kept.days), "day") if kept.days == round(kept.days) else f"{kept.days:g} days"
    return f"{control} was kept at {kept.share:g} % for {days}, and no harm is proven; {kept.variant} serves everyone"


def refused_while_kept(name: str, kept: KeptControl) -> str:
    """Why nothing can be promoted or changed while a control is kept."""
    return (
        f"experiments.{name}: {kept.variant} is promoted already, {kept_words(kept)}. End that first (fairtrial "
        f"experiment end {name} --why …), or roll it back (fairtrial experiment rollback {name} --why …)"
    )
