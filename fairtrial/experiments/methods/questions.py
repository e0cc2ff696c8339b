"""Turns a metric of a frozen plan into the question that the planner sizes, so that plan and status say the same."""

from __future__ import annotations

from dataclasses import replace
from math import expm1, log1p, pi, sqrt

import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.plan import UnitKind
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.stats.planning.options import units_needed
from fairtrial.stats.planning.question import Question

POWER = 0.8
"""The power of all metrics together."""
DAY_SECONDS = 86_400.0
RATE_DAYS = 1.0
"""A unit counts for a rate once its first 24 hours are over."""
TAIL = 0.01
"""The share of the control's units above the cap of an amount, whose cap is the 99 % quantile before the start."""
SCORED = ("requests",)
"""Families that are measured on each answer rather than on users."""


def question_of(
    metric: MetricPlan, unit: UnitKind, *, level: float, spread: float | None = None, left: float = 1.0
) -> Question:
    """The question about a metric whose control has this level, on the metric's scale.

    ``spread``: the standard deviation between units, or between requests for a quantile, which amounts, quantiles and
    ratings need. ``left``: as in `Question`. Raises `ValueError` for impossible values.
    """
    effect = metric.margin * (abs(level) if metric.relative else 1.0)
    window = (metric.window_seconds or 0.0) / DAY_SECONDS
    if metric.counts_requests:
        window = 0.0 if unit == "request" else RATE_DAYS
    amount = metric.method == "amount"
    return Question(
        metric.metric,
        "superior" if metric.require == "superior" else "not worse",
        level,
        effect,
        sd=_quantile_spread(metric, level, spread) if metric.method == "quantile" and spread else spread,
        lower_is_better=metric.better == "lower",
        relative=metric.relative,
        left=left,
        scored=metric.metric.partition(".")[0] in SCORED,
        rate=metric.counts_requests,
        guardrail=metric.role == "guardrail",
        window_days=window,
        tau=0.1 * level if metric.method == "quantile" else None,
        cap=(metric.cap or 10 * level) if amount else None,
        tail=TAIL if amount else None,
        tail_truth=_tail_after(level, effect, spread) if amount and spread and metric.require == "superior" else None,
        anchored=not (metric.counts_requests or (amount and metric.role == "guardrail")),
        scales=amount or metric.method == "quantile",
        response=metric.response if metric.missing == "worst_case" else None,
        within=metric.within,
    )


def _tail_after(level: float, effect: float, spread: float) -> float:
    """The share above the cap of a treatment whose amounts are smaller by the effect, if they are lognormal."""
    sigma = sqrt(log1p((spread / level) ** 2)) if level > 0 else 1.0
    saved = min(effect / level, 0.99) if level > 0 else 0.0
    return float(scipy.special.ndtr(scipy.special.ndtri(TAIL) + log1p(-saved) / sigma))


def needs_spread(metric: MetricPlan) -> bool:
    """Whether its level does not say how much units vary."""
    return metric.method in ("amount", "quantile") or (metric.method == "feedback" and metric.within != (0.0, 1.0))


def power_of_each(plan: AnalysisPlan) -> float:
    """The power that each metric of the plan needs, so that all together have `POWER`; by rules 1 to 3 each has it."""
    return POWER if not plan.has_two_stops else 1 - (1 - POWER) / max(1, len(plan.metrics))


def planned_size(plan: AnalysisPlan, metric: MetricPlan, variant: str, *, response: float = 1.0) -> float | None:
    """The units of both arms that the plan needs for a metric whose level says how much units vary.

    ``response``: the share of units that give feedback, on which the worst case depends. ``None`` if the level is not
    known or does not say so, and if no number of units suffices.
    """
    if metric.level is None or needs_spread(metric) or plan.planned_units is not None or not plan.has_two_stops:
        return None
    level = 1 - metric.level if metric.counts_requests and metric.better == "higher" else metric.level
    alpha = plan.alpha_primary if metric.role == "primary" else plan.alpha_attempt
    try:
        question = question_of(replace(metric, response=response), plan.unit, level=level)
    except ValueError:
        return None
    return units_needed(question, share=plan.share_of(variant), alpha=alpha, power=power_of_each(plan))


def _quantile_spread(metric: MetricPlan, level: float, spread: float) -> float:
    """The standard deviation per request of a quantile, if the values are lognormal with this standard deviation."""
    nu = CATALOGUE[metric.metric].nu
    z = float(scipy.special.ndtri(nu))
    low, high = 1e-6, 5.0
    for _ in range(60):
        sigma = (low + high) / 2
        mean = level * float(_exp(sigma**2 / 2 - sigma * z))
        low, high = (sigma, high) if mean * sqrt(expm1(sigma**2)) < spread else (low, sigma)
    density = float(_exp(-(z**2) / 2)) / sqrt(2 * pi) / (high * level)
    return sqrt(nu * (1 - nu)) / density


def _exp(value: float) -> float:
    return expm1(value) + 1
