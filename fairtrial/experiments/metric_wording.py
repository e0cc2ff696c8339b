"""Writes levels and differences of a metric for people, each with its unit."""

from __future__ import annotations

from datetime import UTC, datetime
from math import floor, isinf, log10

from fairtrial.domain.estimates import Estimate
from fairtrial.domain.limits.constants import WEEK_US
from fairtrial.experiments.analysis_plan import MetricPlan

MINUTE_S = 60


def is_share(metric: MetricPlan) -> bool:
    """Whether its levels are shares of 1, so that differences are in percentage points."""
    return metric.counts_requests or metric.method == "given" or (metric.method, metric.within) == ("feedback", (0, 1))


def level_words(value: float | None, metric: MetricPlan) -> str:
    """A level such as ``61.2 %``, ``840 ms`` or ``$0.0042``."""
    if value is None:
        return "unknown"
    return f"{_digits(100 * value)} %" if is_share(metric) else _amount(value, metric)


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
    ends = sorted(goodness(end, metric) for end in (interval.low, interval.high))
    low, high = (f"{size_words(end, metric)} {'worse' if end < 0 else 'better'}" for end in ends)
    return f"between {low} and {high}"


def rounded_up(number: int) -> int:
    """The number rounded up to two significant digits."""
    step = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // step) * step


def moment_words(at_us: float, *, now_us: float) -> str:
    """A time such as ``Thursday 10:00 UTC``, with the date if it is not within the next week."""
    at = datetime.fromtimestamp(at_us / 1e6, UTC)
    near = 0 <= at_us - now_us < WEEK_US - 86_400_000_000
    return f"{at:%A %H:%M} UTC" if near else f"{at.day} {at:%b %Y, %H:%M} UTC"


def duration_words(seconds: float) -> str:
    """A duration such as ``3 h 20 min``, ``45 s`` or ``2 days 4 h``."""
    if seconds < MINUTE_S:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / MINUTE_S)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    if days:
        return f"{days} day{'' if days == 1 else 's'}" + (f" {hours} h" if hours else "")
    return f"{hours} h" + (f" {rest} min" if rest else "") if hours else f"{rest} min"


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
