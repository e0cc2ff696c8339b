"""Shows the primary metric by the tags of requests. Slices are shown and never decide anything."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add

from fairtrial.api.experiment_answers import SliceArm, SliceFinding, Slices
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.promises import REQUESTS_CAP, SLICE_MARGIN
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.always_valid import evidence_above
from fairtrial.stats.arms.means import difference, mean
from fairtrial.stats.arms.ratios_and_quantiles import ratio
from fairtrial.stats.e_values import EValue, e_bh
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.sums import JointMoments, Moments
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import analysis_plans
from fairtrial.store.traffic.tag_slices import SliceQuestion, TagSlice, can_slice, tag_slices

ERRORS = "requests.error_rate"
Arms = Mapping[str, Moments | JointMoments]


def find_slices(database: Database, plan: AnalysisPlan) -> Slices:
    """The slices of the primary metric, or of errors if it can't be sliced; raises `StoreError`."""
    metric = plan.primary
    if metric is None or not can_slice(metric.metric):
        metric = MetricPlan(
            metric=ERRORS,
            role="guardrail",
            method="shares",
            better="lower",
            require="not_worse",
            margin=SLICE_MARGIN,
            cap=REQUESTS_CAP,
        )
    hashes = analysis_plans.hashes(database, plan)
    question = SliceQuestion(plan.experiment, metric.metric, plan.from_us, hashes, metric.cap or REQUESTS_CAP)
    return Slices(metric.metric, slice_findings(plan, metric, tag_slices(database, question)))


def slice_findings(plan: AnalysisPlan, metric: MetricPlan, slices: Iterable[TagSlice]) -> tuple[SliceFinding, ...]:
    """The rates of each slice, and which slices are unusual at a false discovery rate of 10 %."""
    grouped: dict[str, dict[str, dict[str, TagSlice]]] = defaultdict(lambda: defaultdict(dict))
    for slice_ in slices:
        grouped[slice_.tag][slice_.value][slice_.variant] = slice_
    tests: list[tuple[tuple[str, str], EValue | NotEnough]] = []
    for tag, values in grouped.items():
        for value in values:
            tests += [((tag, value), _opposed(plan, metric, values, value, arm)) for arm in plan.treatments]
    marked = e_bh([finding for _, finding in tests]) if tests else ()
    unusual = {key for (key, _), mark in zip(tests, marked, strict=True) if mark}
    return tuple(
        SliceFinding(tag, value, tuple(_arm(arms[name], metric) for name in plan.shares if name in arms),
                     (tag, value) in unusual)
        for tag, values in grouped.items()
        for value, arms in values.items()
    )  # fmt: skip


def _opposed(
    plan: AnalysisPlan, metric: MetricPlan, values: Mapping[str, Mapping[str, TagSlice]], value: str, variant: str
) -> EValue | NotEnough:
    """The current evidence that the effect in this slice points the other way than that of all values of the tag."""
    names = (plan.control, variant)
    here = [values[value][name].sums for name in names if name in values[value]]
    if len(here) < len(names) or len(values) < len(names):
        return NotEnough("the tag has no other value, or one arm none of this one", "requests of both arms", 0)
    every = [reduce(add, [arms[name].sums for arms in values.values() if name in arms]) for name in names]
    whole, part = _effect(every, metric), _effect(here, metric)
    if isinstance(whole, NotEnough) or isinstance(part, NotEnough):
        return NotEnough("too few units", "more units of both arms", 0)
    sign = 1 if whole.value > 0 else -1
    least, most = part.within
    turned = replace(part, value=-sign * part.value, within=(-most, -least) if sign > 0 else (least, most))
    return evidence_above(replace(turned, unseen=(max(part.unseen),) * 2), tau=metric.tau or SLICE_MARGIN)


def _effect(pair: Sequence[Moments | JointMoments], metric: MetricPlan) -> Effect | NotEnough:
    return difference(*(_level(slice_, metric) for slice_ in pair), method="difference")


def _level(sums: Moments | JointMoments, metric: MetricPlan) -> Effect | NotEnough:
    if isinstance(sums, Moments):
        return mean(sums, within=metric.within)
    return ratio(sums, cap=metric.cap or REQUESTS_CAP)


def _arm(slice_: TagSlice, metric: MetricPlan) -> SliceArm:
    level = _level(slice_.sums, metric)
    interval = fixed(level)
    low, high = (interval.low, interval.high) if isinstance(interval, Estimate) else (None, None)
    rate = level.value if isinstance(level, Effect) else None
    known = CATALOGUE.get(metric.metric)
    if known is not None and known.better == "higher":
        rate, low, high = (None if end is None else 1 - end for end in (rate, high, low))
    return SliceArm(slice_.variant, slice_.requests, slice_.sums.n, rate, low, high)
