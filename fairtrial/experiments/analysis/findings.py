"""Computes what one look shows about each metric of each treatment, by the method of the frozen plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.methods.events import Events, has_kept_away
from fairtrial.experiments.methods.finding import UNKNOWN_LEVEL, Finding
from fairtrial.experiments.methods.kinds import METHODS
from fairtrial.experiments.methods.method import shown
from fairtrial.experiments.planned_looks import Times, not_yet, planned_look_at
from fairtrial.experiments.sums import ArmSums, MetricSums, Sums
from fairtrial.stats.always_valid import always_valid


def find(plan: AnalysisPlan, sums: Sums, looked: Mapping[str, Times] | None = None) -> tuple[Finding, ...]:
    """What one look shows, for each metric in the order of the plan and each treatment.

    ``looked``: the planned looks at the primary metric so far, by treatment.
    """
    control = sums.arms[plan.control]
    return tuple(
        _finding(plan, metric, (variant, (looked or {}).get(variant, ())), control, sums.arms[variant])
        for metric in plan.metrics
        for variant in plan.treatments
    )


def _finding(
    plan: AnalysisPlan, metric: MetricPlan, treatment: tuple[str, Times], control: ArmSums, arm: ArmSums
) -> Finding:
    """``treatment``: its name, and the planned looks so far."""
    variant, looked = treatment
    pair = control.metrics.get(metric.metric), arm.metrics.get(metric.metric)
    unknown = control.unknown.get(metric.metric) or arm.unknown.get(metric.metric)
    if metric.needs_level and metric.level is None and not (metric.role == "guardrail" and metric.method == "events"):
        unknown = unknown or UNKNOWN_LEVEL
    nothing = NotEnough(unknown or "no unit shows it yet", "units of both arms that show it", arm.units)
    empty = Finding(metric.metric, variant, metric.role, "cannot tell", nothing, why=nothing.reason)
    if unknown or pair[0] is None or pair[1] is None:
        return empty
    both, method = (pair[0], pair[1]), METHODS[metric.method]
    if not all(isinstance(one, method.sums) for one in both):
        raise TypeError(f"{metric.metric}: the arms have sums of another method than {metric.method}")
    if metric.role == "guardrail":
        found = method.guardrail(plan, metric, variant, both)
    else:
        times = planned_look_at(plan, both, looked)
        if times is None:
            waiting = NotEnough(not_yet(plan, looked), "the next planned look", arm.units)
            found = replace(empty, estimate=waiting, why=waiting.reason)
        else:
            found = method.primary(plan, metric, variant, both, times)
    if isinstance(found.estimate, NotEnough) and not found.why:
        found = replace(found, why=found.estimate.reason)
    return replace(found, control=level_of(pair[0], metric), treatment=level_of(pair[1], metric))


def level_of(sums: MetricSums, metric: MetricPlan) -> float | None:
    """The level of an arm on the metric's scale; ``None`` without data."""
    return METHODS[metric.method].level(metric, sums)


def level_interval(plan: AnalysisPlan, metric: MetricPlan, sums: MetricSums) -> Estimate | NotEnough:
    """The level of one arm with an interval that is valid at all looks, for limits on the level itself."""
    return METHODS[metric.method].level_interval(plan, metric, sums)


def pessimistic_interval(
    plan: AnalysisPlan, metric: MetricPlan, sums: Sums, variant: str
) -> Estimate | NotEnough | None:
    """The always-valid interval with requests that a breaker kept away against the treatment.

    ``None`` without any, and for a rate by shares of units, whose own interval counts them so.
    """
    one, other = (sums.arms[name].metrics.get(metric.metric) for name in (plan.control, variant))
    method = METHODS[metric.method]
    if one is None or other is None or not isinstance(method, Events) or not has_kept_away((one, other)):
        return None
    level = 1 - (plan.alpha_primary if metric.role == "primary" else plan.alpha)
    effect = method.for_safety((one, other))(1.0)  # type: ignore[arg-type]
    return shown(metric, always_valid(effect, tau=metric.tau or 0.0, level=level))
