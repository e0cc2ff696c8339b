"""Finds the slices by tag in which a treatment is worse. Slices are shown and never decide anything."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fairtrial.domain.decision.arms import Arm, interval_of
from fairtrial.domain.decision.slices import SliceFinding
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_SLICE_UNITS, SLICE_ALPHA, SLICE_POWER, SLICE_SCALE, TWO_SIDED_95
from fairtrial.experiments.analysis.findings import METHODS, level_of
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.method import shown
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import ArmSums, MetricSums
from fairtrial.stats.always_valid import always_valid, cases_for_bound, evidence_above
from fairtrial.stats.e_values import EValue, e_bh
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.request_errors import RequestErrors
from fairtrial.stats.sequential.unit_shares import ShareTest, share_difference, share_evidence
from fairtrial.stats.sums import UNSEEN

Pair = tuple[MetricSums, MetricSums]
STEPS = 5
"""The allowance for unseen units falls with the units, so the number is found by iteration."""
NOTHING = NotEnough("too few units of both arms", f"{MIN_SLICE_UNITS} units of each arm")


@dataclass(frozen=True, slots=True)
class SliceSums:
    """One value of a tag. ``units``: of each variant. ``arms`` is empty if no treatment and its control have enough."""

    tag: str
    value: str
    units: Mapping[str, int]
    arms: Mapping[str, ArmSums]

    def has_enough(self, *variants: str) -> bool:
        """Whether each of these variants has enough units for a test."""
        return all(self.units.get(variant, 0) >= MIN_SLICE_UNITS for variant in variants)


def slice_units(level: float, *, loses: float, tests: int) -> int:
    """The units of each arm with which a slice that loses so much of a share is found in `SLICE_POWER` of trials.

    ``level``: that of the control. ``tests``: the slices times the metrics and treatments, all of which e-BH counts.
    """
    after = max(0.0, level - loses)
    seen = level * (1 - level) + after * (1 - after)
    unseen, needed = UNSEEN * (level**2 + (1 - after) ** 2), MIN_SLICE_UNITS
    for _ in range(STEPS):
        needed = cases_for_bound(
            loses,
            variance=seen + unseen / needed,
            tau=SLICE_SCALE,
            alpha=SLICE_ALPHA / tests,
            power=SLICE_POWER,
            near=needed,
        )
    return max(MIN_SLICE_UNITS, needed)


def find_worse(plan: AnalysisPlan, slices: Sequence[SliceSums]) -> tuple[SliceFinding, ...]:
    """The effect on each metric in each slice that has enough units, with those marked in which it is a decline.

    e-BH counts all the slices, also those that are too small yet, so that its bar doesn't rise as they grow. The null
    hypothesis of each is that the treatment is not worse there. Evidence is that of the sums now, and is never latched.
    """
    tests = list(_tests(plan, slices))
    marked = e_bh([evidence for *_, evidence in tests], alpha=SLICE_ALPHA)
    return tuple(
        _finding(plan, slice_, metric, variant, worse)
        for (slice_, metric, variant, _), worse in zip(tests, marked, strict=True)
        if slice_.has_enough(plan.control, variant)
    )


def _tests(
    plan: AnalysisPlan, slices: Sequence[SliceSums]
) -> Iterator[tuple[SliceSums, MetricPlan, str, EValue | NotEnough]]:
    for slice_ in slices:
        for metric in plan.metrics:
            for variant in plan.treatments:
                pair = _pair(plan, slice_, metric, variant)
                yield slice_, metric, variant, _decline(plan, metric, variant, pair)


def _pair(plan: AnalysisPlan, slice_: SliceSums, metric: MetricPlan, variant: str) -> Pair | None:
    """The sums of the control and the treatment; ``None`` if a test isn't possible."""
    if not slice_.has_enough(plan.control, variant):
        return None
    control, treatment = (slice_.arms[name].metrics.get(metric.metric) for name in (plan.control, variant))
    return None if control is None or treatment is None else (control, treatment)


def slice_scale(metric: MetricPlan) -> float | None:
    """τ of the tests: a share of a value's range, or of the control's level from before the start.

    It can't be the experiment's own margin, because the declines that a small slice can show are far larger.
    """
    if metric.method in ("amount", "quantile"):
        return None if not metric.level else SLICE_SCALE * abs(metric.level)
    return SLICE_SCALE * (metric.within[1] - metric.within[0])


def _decline(plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair | None) -> EValue | NotEnough:
    """The evidence that the treatment is worse: of a rate, by the shares of bad requests of its units."""
    control, treatment = pair or (None, None)
    if isinstance(control, RequestErrors) and isinstance(treatment, RequestErrors):
        if control.shares is None or treatment.shares is None:
            return NOTHING
        test = ShareTest("harm", 0.0, share=plan.share_of(variant))
        return share_evidence(control.shares.hour, treatment.shares.hour, test)
    tau = slice_scale(metric)
    if tau is None or pair is None:
        return NOTHING
    return evidence_above(_effect(metric, pair if metric.better == "lower" else (pair[1], pair[0])), tau=tau)


def _interval(plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair | None) -> Estimate | NotEnough:
    """Treatment − control with its always-valid interval, for readers."""
    control, treatment = pair or (None, None)
    if isinstance(control, RequestErrors) and isinstance(treatment, RequestErrors):
        if control.shares is None or treatment.shares is None:
            return NOTHING
        share = plan.share_of(variant)
        return share_difference(control.shares.hour, treatment.shares.hour, share=share, level=TWO_SIDED_95)
    tau = slice_scale(metric)
    return NOTHING if tau is None or pair is None else always_valid(_effect(metric, pair), tau=tau)


def _effect(metric: MetricPlan, pair: Pair) -> Effect | NotEnough:
    return METHODS[metric.method].plain(metric, pair)


def _finding(plan: AnalysisPlan, slice_: SliceSums, metric: MetricPlan, variant: str, worse: bool) -> SliceFinding:
    pair = _pair(plan, slice_, metric, variant)
    control, treatment = (
        Arm(name, None if sums is None else level_of(sums, metric), slice_.units[name])
        for name, sums in zip((plan.control, variant), pair or (None, None), strict=True)
    )
    return SliceFinding(
        tag=slice_.tag,
        value=slice_.value,
        metric=metric.metric,
        control=control,
        treatment=treatment,
        difference=interval_of(shown(metric, _interval(plan, metric, variant, pair))),
        worse=worse,
    )
