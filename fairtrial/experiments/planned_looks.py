"""Planned looks: the primary metric is looked at ten times, at tenths of the units that were planned for."""

from __future__ import annotations

from math import floor

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.sums import MetricSums
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.alpha_spending import spent_look
from fairtrial.stats.sequential.error_guardrail import RequestErrors
from fairtrial.stats.sequential.obrien_fleming import LOOKS

Times = tuple[float, ...]
"""The shares of the planned units at the looks so far; empty if looks are allowed at any time."""


def planned_look_at(plan: AnalysisPlan, pair: tuple[MetricSums, MetricSums], looked: Times) -> Times | None:
    """The looks up to one that is due now; ``None`` if none is due.

    A look is due as soon as the units reach the next tenth of the plan. The bounds follow from the exact share, so a
    late look costs nothing. After the whole there is none.
    """
    if plan.planned_units is None:
        return ()
    share = sum(_units(one) for one in pair) / plan.planned_units
    last = looked[-1] if looked else 0.0
    if last >= 1 or floor(LOOKS * share) <= floor(LOOKS * last):
        return None
    return (*looked, share)


def _units(sums: MetricSums) -> int:
    """Units with a value. Planned looks are for shares only."""
    if isinstance(sums, Feedback):
        return sums.given.n
    if isinstance(sums, RequestErrors):
        return sums.requests.n if sums.shares is None else sums.shares.day.n
    return 0


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
