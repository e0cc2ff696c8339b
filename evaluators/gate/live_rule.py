"""Judges lines on live traffic, judges and data audits, which this version cannot decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evaluators.criteria.grammar import GateLine
from evaluators.criteria.live_validation import NOT_AVAILABLE, WITHOUT
from fairtrial.domain.verdict import Finding

LIVE = "live traffic"
DECIDED = f"an analysis of the experiment, which this version does not have (plain rates cannot pass a line); {WITHOUT}"


@dataclass(frozen=True, slots=True)
class Rate:
    """A plain rate of live traffic: a share, or a mean, over ``n`` requests or feedbacks; ``None``: no data."""

    value: float | None
    n: int
    of: str = "requests"
    share: bool = True

    def __str__(self) -> str:
        if self.value is None:
            return "no data yet"
        value = f"{100 * self.value:.1f} %" if self.share else f"{self.value:.2f}"
        return f"{value} of {self.n:,} {self.of}" if self.share else f"{value} over {self.n:,} {self.of}"


Live = Mapping[str, tuple[Rate, Rate]]
"""Metric, such as ``requests.error_rate`` or ``feedback.resolved`` → rates of candidate and baseline."""


def judge_external(rule: str, source: str, line: GateLine, live: Live | None) -> Finding:
    """An undecided finding, because this version cannot decide such lines; it shows plain live rates, if any."""
    metric = line.metric.removeprefix("live.")
    if line.family == "live" and live and metric in live:
        return replace(rate_finding(rule, source, metric, live[metric]), needed=DECIDED, decisive=True)
    return Finding(rule, source, "cannot tell", f"{line.metric}: {NOT_AVAILABLE}", WITHOUT, line.metric)


def rate_finding(rule: str, source: str, metric: str, rates: tuple[Rate, Rate]) -> Finding:
    """A finding that shows both rates and does not decide."""
    candidate, baseline = rates
    says = f"live {metric}: {candidate}, baseline {baseline} (informative only: plain rates do not decide)"
    return Finding(rule, source, "cannot tell", says, "", f"live.{metric}", decisive=False)


def live_information(live: Live | None, required: frozenset[str]) -> list[Finding]:
    """A finding for every live rate that no line requires."""
    return [
        rate_finding(f"live.{metric}", LIVE, metric, rates)
        for metric, rates in (live or {}).items()
        if f"live.{metric}" not in required
    ]
