"""Decides a primary metric of rare yes-or-no feedback by its conversions, exactly, as the planner assumes."""

from __future__ import annotations

from typing import Literal

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.e_values import EValue
from fairtrial.stats.planning.question import RARE
from fairtrial.stats.sequential.conversions import conversion_evidence
from fairtrial.stats.sums import Moments

Answer = Literal["better", "worse", "cannot tell"]


def is_exact(plan: AnalysisPlan, metric: MetricPlan) -> bool:
    """Whether the metric is decided by conversions: a share below 2 % before the start that is to become better.

    Units without feedback count as units that did not convert.
    """
    shown = metric.role == "primary" and metric.require == "superior" and metric.within == (0.0, 1.0)
    rare = metric.level is not None and 0 < metric.level < RARE
    return shown and rare and metric.method == "feedback" and plan.planned_units is None


def exact_answer(
    plan: AnalysisPlan, metric: MetricPlan, variant: str, control: Feedback, treatment: Feedback
) -> tuple[Answer, Estimate | NotEnough]:
    """The answer, and the difference of the rates over all units with its always-valid interval, for readers.

    If the arms differ in the share of units with feedback, nothing is concluded, because the missing values may differ.
    """
    alpha, tau = plan.alpha_primary, metric.tau or 0.0
    rates = (arm.filled(0.0) for arm in (control, treatment))
    estimate = always_valid(mean_difference(*rates, within=metric.within), tau=tau, level=1 - alpha)
    given = always_valid(
        mean_difference(*(Moments(arm.units, arm.given.n, arm.given.n) for arm in (control, treatment)), within=(0, 1)),
        tau=tau,
        level=1 - alpha,
    )
    share, level = plan.share_of(variant), metric.level or RARE
    yes = round(control.given.x), round(treatment.given.x)
    found = conversion_evidence(*yes, lift=tau / level, share=share)
    differs = isinstance(given, Estimate) and not given.low <= 0 <= given.high
    if differs or not (isinstance(found, EValue) and found.rejects(alpha)):
        return "cannot tell", estimate
    more = yes[1] > share * sum(yes)
    return ("better" if more == (metric.better == "higher") else "worse"), estimate
