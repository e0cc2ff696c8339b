"""Tests harm by counted events, the one part of a look that is made at every step of the monitor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from fairtrial.experiments.analysis.plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.analysis.sums import Sums
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.error_guardrail import RequestErrors
from fairtrial.stats.sequential.guardrails import Limits, rare_evidence


@dataclass(frozen=True, slots=True)
class Harm:
    """The evidence that a treatment does harm by counted events, and the value at which it is proven."""

    metric: str
    variant: str
    log_e: float
    log_kill: float

    @property
    def proven(self) -> bool:
        """Whether it is enough to stop."""
        return self.log_e >= self.log_kill


def harm_only(plan: AnalysisPlan, sums: Sums) -> tuple[Harm, ...]:
    """The part of a look that can kill within seconds: the evidence by guardrails that count events.

    A pair of arms without enough data is left out.
    """
    users: dict[str, dict[str, int]] = {}
    for metric in plan.guardrails:
        found = {name: arm.metrics.get(metric.metric) for name, arm in sums.arms.items()}
        users[metric.metric] = {name: one.users for name, one in found.items() if isinstance(one, RequestErrors)}
    return harm_by_users(plan, users)


def harm_by_users(plan: AnalysisPlan, users: Mapping[str, Mapping[str, int]]) -> tuple[Harm, ...]:
    """As `harm_only`, from the number of units with an event alone: by metric, then by variant."""
    found = []
    for metric in plan.guardrails:
        hit = users.get(metric.metric, {})
        log_kill = -log(kill_alpha(plan, metric))
        for variant in plan.treatments:
            if metric.method == "events" and plan.control in hit and variant in hit:
                limits = Limits(1.0, metric.stop)
                evidence = rare_evidence(hit[plan.control], hit[variant], limits, share=plan.share_of(variant))
                if isinstance(evidence, EValue):
                    found.append(Harm(metric.metric, variant, evidence.log_e, log_kill))
    return tuple(found)


def kill_alpha(plan: AnalysisPlan, metric: MetricPlan) -> float:
    """The error probability of one test for harm.

    Two tests share the alpha of an amount (the mean, the share above the cap), and that of counted events whose level
    the experiment measures itself (before and after it is known).
    """
    return plan.alpha_kill / 2 if metric.method == "amount" or tested_twice(metric) else plan.alpha_kill


def tested_twice(metric: MetricPlan) -> bool:
    """Whether harm by counted events is tested before the level is known, and again on the units after."""
    return metric.method == "events" and metric.measures_level
