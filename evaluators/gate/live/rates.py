"""Shows plain rates of live traffic beside a verdict. They never decide a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fairtrial.domain.verdicts.verdict import Finding

LIVE = "live traffic"


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


Rates = Mapping[str, tuple[Rate, Rate]]
"""Metric, such as ``requests.error_rate`` or ``feedback.resolved`` → rates of candidate and baseline."""


def rates_information(rates: Rates | None, required: frozenset[str]) -> list[Finding]:
    """A finding for every live rate that no line requires."""
    return [
        Finding(
            f"live.{metric}",
            LIVE,
            "cannot tell",
            f"live {metric}: {candidate}, baseline {baseline} (informative only: plain rates do not decide)",
            "",
            f"live.{metric}",
            decisive=False,
        )
        for metric, (candidate, baseline) in (rates or {}).items()
        if f"live.{metric}" not in required
    ]
