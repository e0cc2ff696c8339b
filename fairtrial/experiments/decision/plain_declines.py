"""Computes the declines that a resume accepts from the sums of a look, and whether an accepted one has grown."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fairtrial.domain.decision.arms import Arm, Interval, interval_of
from fairtrial.domain.estimates import NotEnough
from fairtrial.experiments.analysis.findings import METHODS
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline
from fairtrial.experiments.lifecycle import DECLINED
from fairtrial.experiments.methods.finding import is_share
from fairtrial.experiments.methods.method import mirror
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import Sums
from fairtrial.stats.effects import fixed


def offered(plan: AnalysisPlan, sums: Sums, paused: Mapping[str, Any]) -> tuple[AcceptedDecline, ...]:
    """What a resume accepts by default: each decline of the pause, up to what kills.

    ``paused``: the evidence of the pause. ``sums``: those of the last look.
    """
    return tuple(_offer(plan, sums, decline["metric"], decline["variant"]) for decline in paused.get(DECLINED, ()))


def _offer(plan: AnalysisPlan, sums: Sums, name: str, variant: str) -> AcceptedDecline:
    metric, method = plan.metric(name), METHODS[plan.metric(name).method]
    names = plan.control, variant
    pair = [sums.arms[arm].metrics.get(name) for arm in names]
    if pair[0] is None or pair[1] is None:
        return AcceptedDecline(metric=name, variant=variant, kill_at=metric.stop_on_scale)
    control, treatment = (
        Arm(arm, method.level(metric, of_arm), method.behind_level(of_arm))
        for arm, of_arm in zip(names, pair, strict=True)
    )
    kill_at = metric.stop_on_scale
    if kill_at is None and control.level is not None:
        kill_at = metric.stop * abs(control.level)
    return AcceptedDecline(
        metric=name,
        variant=variant,
        amount=kill_at,
        decline=plain_decline(metric, pair),
        arms=(treatment, control),
        kill_at=kill_at,
    )


def plain_decline(metric: MetricPlan, pair: Sequence[Any]) -> Interval | None:
    """How much worse the treatment is, with the interval for a single look; without ends if there is no spread."""
    effect = METHODS[metric.method].plain(metric, pair)
    if isinstance(effect, NotEnough):
        return None
    estimate = fixed(effect)
    upwards = metric.counts_requests or metric.better == "lower"  # the sums of a rate are those of bad requests
    if isinstance(estimate, NotEnough):
        return Interval(effect.value if upwards else -effect.value, None, None, 0.95, effect.n)
    return interval_of(estimate if upwards else mirror(estimate))


def has_grown(plan: AnalysisPlan, sums: Sums, accepted: AcceptedDecline) -> bool:
    """Whether a decline beyond the accepted amount is proven by all units so far, by the test that pauses."""
    if accepted.amount is None or not plan.goes_on_after_pause:
        return False
    metric = plan.metric(accepted.metric)
    pair = [sums.arms[name].metrics.get(accepted.metric) for name in (plan.control, accepted.variant)]
    amount = accepted.amount
    if pair[0] is None or pair[1] is None or (amount >= 1 and is_share(metric)):
        return False
    larger = replace(metric, pause=amount, pause_relative=False, margin=amount, relative=False)
    finding = METHODS[metric.method].guardrail(plan, larger, accepted.variant, tuple(pair))
    return finding.declined or finding.vetoed
