"""Defines what a look shows about a metric, and writes its levels and differences for people, each with its unit."""

from dataclasses import dataclass
from math import floor, isinf, log10
from typing import Literal

from msgspec import UNSET, UnsetType

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.metric_plan import MetricPlan

Answer = Literal["better", "not worse", "worse", "harm", "safe", "cannot tell"]
Harm = dict[tuple[str, str], float]
"""By metric and treatment: ln of the evidence of harm by counted events, minus ln of the evidence that stops."""
UNKNOWN_LEVEL = "the control's level is not known yet, so the margin is not fixed"


@dataclass(frozen=True, slots=True)
class Times:
    """The planned looks up to this one: the shares of the planned units; empty if looks are allowed at any time.

    ``last``: whether this look spends all error that is left, because the experiment ends.
    """

    shares: tuple[float, ...] = ()
    last: bool = False

    def __bool__(self) -> bool:
        return bool(self.shares)

    @property
    def information(self) -> float | None:
        """The share at this look."""
        return self.shares[-1] if self.shares else None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look shows about one metric of one treatment.

    ``answer`` is that of this look alone. ``estimate`` is treatment − control with its always-valid interval, for
    readers. ``log_e`` is the evidence of what stops first: a decline that pauses, or harm. ``log_kill`` is the value at
    which a stop is proven. ``control`` and ``treatment`` are the levels of the arms. ``n`` counts the units behind the
    estimate. ``why`` says why nothing can be told, or is empty. ``information``: at a planned look, the share of the
    planned units; ``last``: whether it spends all error that is left. ``declined``: whether a decline that pauses is
    proven. ``log_harm``: the evidence of harm where it is not ``log_e``. ``weighed``: of a rate, the difference with
    each request weighing the same; ``vetoed``: whether that is proven to be worse than the margin. ``worst_case``: of
    feedback, the difference with all missing values at one extreme and at the other, and ``bounded``: whether that must
    agree; both are unset for what is no feedback.
    """

    metric: str
    variant: str
    role: Literal["primary", "guardrail"]
    answer: Answer
    estimate: Estimate | NotEnough
    control: float | None = None
    treatment: float | None = None
    log_e: float | None = None
    log_kill: float | None = None
    why: str = ""
    information: float | None = None
    last: bool = False
    declined: bool = False
    log_harm: float | None = None
    weighed: Estimate | NotEnough | None = None
    vetoed: bool = False
    worst_case: Estimate | NotEnough | UnsetType = UNSET
    bounded: bool | UnsetType = UNSET


def is_share(metric: MetricPlan) -> bool:
    """Whether its levels are shares of 1, so that differences are in percentage points."""
    return metric.counts_requests or metric.method == "given" or (metric.method, metric.within) == ("feedback", (0, 1))


def level_words(value: float | None, metric: MetricPlan) -> str:
    """A level such as ``61.2 %``, ``840 ms`` or ``$0.0042``."""
    return "unknown" if value is None else f"{_digits(100 * value)} %" if is_share(metric) else _amount(value, metric)


def size_words(value: float, metric: MetricPlan) -> str:
    """The size of a difference without its sign, such as ``9.9 points``, ``40 ms`` or ``$0.0003``."""
    size = abs(value)
    if not is_share(metric):
        return _amount(size, metric)
    number = _digits(100 * size)
    return f"{number} point{'' if number == '1' else 's'}"


def bare_size(value: float, metric: MetricPlan) -> str:
    """The signed difference without its unit, for the ends of an interval."""
    text = _digits(100 * abs(value)) if is_share(metric) else _amount(abs(value), metric)
    return f"−{text}" if value < 0 and text.strip("$0. ms") else text


def goodness(value: float, metric: MetricPlan) -> float:
    """The difference in the direction in which the metric is better."""
    return value if metric.better == "higher" else -value


def between_words(interval: Estimate, metric: MetricPlan) -> str:
    """An interval as ``between 1.2 points worse and 4.0 points better``."""
    low, high = sorted(goodness(end, metric) for end in (interval.low, interval.high))
    return f"between {way_words(low, metric)} and {way_words(high, metric)}"


def way_words(good: float, metric: MetricPlan) -> str:
    """A difference in the direction that is better, as ``1.2 points better`` or ``4.0 points worse``."""
    return f"{size_words(good, metric)} {'worse' if good < 0 else 'better'}"


def rounded_up(number: int) -> int:
    """The number rounded up to two significant digits."""
    step = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // step) * step


def _amount(value: float, metric: MetricPlan) -> str:
    if isinf(value):
        return "no finite value"
    if metric.method == "quantile":
        return f"{value:,.0f} ms"
    if metric.metric.startswith("cost."):
        digits = 4 if value >= 0.01 or not value else 1 - floor(log10(value))
        return f"${value:,.{digits}f}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _digits(number: float) -> str:
    """One decimal, or two significant digits below 0.1; whole numbers without decimals."""
    text = f"{number:.1f}" if abs(number) >= 0.1 or number == 0 else f"{number:.2g}"
    return text.removesuffix(".0")


def kill_alpha(plan: AnalysisPlan, metric: MetricPlan) -> float:
    """The error probability of one test for harm; the mean of an amount and its share above the cap share it."""
    return plan.alpha_kill / 2 if metric.method == "amount" else plan.alpha_kill
