"""Planned looks at the primary metric, at tenths of the planned units, and from when its answer counts."""

from __future__ import annotations

from math import ceil, floor

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.limits.constants import DAY_US, WEEK_US
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.alpha_spending import spent_look
from fairtrial.stats.sequential.obrien_fleming import LOOKS

Times = tuple[float, ...]
"""The shares of the planned units at the looks so far; empty if looks are allowed at any time."""


def spent(effect: Effect | NotEnough, tau: float, level: float, *, times: Times) -> Estimate | NotEnough:
    """The interval at the last of these looks, which needs no ``tau``."""
    del tau
    return spent_look(effect, times=times, level=level)


def not_yet(plan: AnalysisPlan, looked: Times) -> str:
    """When the next planned look is."""
    if looked and looked[-1] >= 1:
        return f"all of the {LOOKS} planned looks were made"
    following = floor(LOOKS * (looked[-1] if looked else 0.0)) + 1
    units = following / LOOKS * (plan.planned_units or 0.0)
    return f"look {following} of {LOOKS} is planned at {units:,.0f} units of the two variants"


def passes_us(plan: AnalysisPlan, answered_us: int) -> int:
    """From when the primary metric's answer counts: after whole weeks, or a shorter time that the plan allows."""
    if plan.min_days < 7:
        return max(answered_us, plan.from_us + round(plan.min_days * DAY_US))
    weeks = max(ceil(plan.min_days / 7), ceil((answered_us - plan.from_us) / WEEK_US))
    return plan.from_us + weeks * WEEK_US
