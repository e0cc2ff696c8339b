"""Tests at each step for harm by units with a bad request."""

from collections.abc import Mapping
from math import log

from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import Harm, kill_alpha
from fairtrial.experiments.sums import Sums
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.guardrails import Limits, rare_evidence
from fairtrial.stats.sequential.request_errors import RequestErrors

LIMITS = Limits(1.0, 0.0)


def harm_only(plan: AnalysisPlan, sums: Sums) -> Harm:
    """The part of a look that can stop within seconds, by guardrails that count events.

    A pair of arms without enough data is left out.
    """
    users: dict[str, dict[str, int]] = {}
    for metric in plan.guardrails:
        by_arm = {name: arm.metrics.get(metric.metric) for name, arm in sums.arms.items()}
        users[metric.metric] = {
            name: errors.users for name, errors in by_arm.items() if isinstance(errors, RequestErrors)
        }
    return harm_by_users(plan, users)


def harm_by_users(plan: AnalysisPlan, users: Mapping[str, Mapping[str, int]]) -> Harm:
    """As `harm_only`, from the number of units with an event alone: by metric, then by variant.

    It is half of what pauses, to which the shares of units add the other half at a look.
    """
    harm: Harm = {}
    for metric in plan.guardrails:
        hit = users.get(metric.metric, {})
        for variant in plan.treatments:
            if metric.counts_events and plan.control in hit and variant in hit:
                evidence = rare_evidence(hit[plan.control], hit[variant], LIMITS, share=plan.share_of(variant))
                if isinstance(evidence, EValue):
                    harm[metric.metric, variant] = evidence.log_e - log(2) + log(kill_alpha(plan, metric))
    return harm
