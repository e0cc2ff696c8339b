"""Tests at every step of the monitor whether enough units have met a bad request to stop, without a whole look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from fairtrial.experiments.analysis_plan import AnalysisPlan, kill_alpha
from fairtrial.experiments.sums import Sums
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.guardrails import Limits, rare_evidence
from fairtrial.stats.sequential.metric_guardrails import RequestErrors


@dataclass(frozen=True, slots=True)
class Harm:
    """The evidence that a treatment does worse by counted events, and the value at which it is proven."""

    metric: str
    variant: str
    log_e: float
    log_kill: float

    @property
    def proven(self) -> bool:
        """Whether it is enough to stop."""
        return self.log_e >= self.log_kill


def harm_only(plan: AnalysisPlan, sums: Sums) -> tuple[Harm, ...]:
    """The part of a look that can stop within seconds: the evidence by guardrails that count events.

    A pair of arms without enough data is left out.
    """
    users: dict[str, dict[str, int]] = {}
    for metric in plan.guardrails:
        found = {name: arm.metrics.get(metric.metric) for name, arm in sums.arms.items()}
        users[metric.metric] = {name: one.users for name, one in found.items() if isinstance(one, RequestErrors)}
    return harm_by_users(plan, users)


def harm_by_users(plan: AnalysisPlan, users: Mapping[str, Mapping[str, int]]) -> tuple[Harm, ...]:
    """As `harm_only`, from the number of units with an event alone: by metric, then by variant.

    With two stops it is half of what pauses, to which the shares of units add the other half at a look.
    """
    harms = []
    for metric in plan.guardrails:
        hit = users.get(metric.metric, {})
        half = log(2) if metric.method == "shares" else 0.0
        limits = Limits(1.0, 0.0 if metric.method == "shares" else metric.stop)
        for variant in plan.treatments:
            if metric.counts_events and plan.control in hit and variant in hit:
                evidence = rare_evidence(hit[plan.control], hit[variant], limits, share=plan.share_of(variant))
                if isinstance(evidence, EValue):
                    stops_at = -log(kill_alpha(plan, metric))
                    harms.append(Harm(metric.metric, variant, evidence.log_e - half, stops_at))
    return tuple(harms)
