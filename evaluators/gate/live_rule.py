"""Lines whose evidence comes neither from suites nor from reviews: live traffic, judges, the audit of data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evaluators.criteria.grammar import GateLine
from evaluators.criteria.live_validation import UNDECIDED, WITHOUT
from fairtrial.domain.verdict import Finding

LIVE = "live traffic"
DECIDED = f"an analysis of the experiment, which this version has not: plain rates pass no line; {WITHOUT}"


@dataclass(frozen=True, slots=True)
class Rate:
    """A plain rate of live traffic: share, or mean of a number, over ``n`` requests or feedbacks; ``None``: no data."""

    value: float | None
    n: int
    of: str = "requests"
    share: bool = True

    def __str__(self) -> str:
        if self.value is None:
            return "nothing yet"
        value = f"{100 * self.value:.1f} %" if self.share else f"{self.value:.2f}"
        return f"{value} of {self.n:,} {self.of}" if self.share else f"{value} over {self.n:,} {self.of}"


Live = Mapping[str, tuple[Rate, Rate]]
"""Metric, such as ``requests.error_rate`` or ``feedback.resolved`` → rates of candidate and baseline."""


def judge_elsewhere(rule: str, source: str, line: GateLine, live: Live | None) -> Finding:
    """A line that is required holds: nothing in this version decides it, and plain live rates are only shown."""
    metric = line.metric.removeprefix("live.")
    if line.family == "live" and live and metric in live:
        return replace(shown(rule, source, metric, live[metric]), needed=DECIDED, decisive=True)
    return Finding(rule, source, "cannot tell", f"{line.metric}: {UNDECIDED}", WITHOUT, line.metric)


def shown(rule: str, source: str, metric: str, rates: tuple[Rate, Rate]) -> Finding:
    """Both rates as they are, marked as not decisive."""
    candidate, baseline = rates
    says = f"live {metric}: {candidate}, baseline {baseline} (plain rates: shown, they do not decide)"
    return Finding(rule, source, "cannot tell", says, "", f"live.{metric}", decisive=False)


def informative(live: Live | None, told: frozenset[str]) -> list[Finding]:
    """Every live rate that no line asks about."""
    return [
        shown(f"live.{metric}", LIVE, metric, rates)
        for metric, rates in (live or {}).items()
        if f"live.{metric}" not in told
    ]
