"""Defines the summary of traffic by experiment and variant, by intention to treat."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct


@dataclass(frozen=True, slots=True)
class KeyFeedback:
    """Feedback under one key: ``n`` requests or units have some, ``rated`` with a number; ``rate`` is their mean.

    The latest value of a request counts. ``rate`` is the share of yes for a boolean key, ``None`` for words only.
    """

    n: int
    rated: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class VariantTraffic:
    """One arm of one experiment, in milliseconds and US dollars (``None`` if any answer's cost is unknown).

    ``errors``: requests that the arm did not answer, even if a fallback did. ``user_errors``: requests that nobody
    answered. ``rejected``: requests that only the upstream refused, and ``kept_away``: those that an open breaker kept
    from the arm. Neither are errors.
    """

    variant: str
    units: int
    requests: int
    errors: int
    user_errors: int
    rejected: int
    kept_away: int
    fallbacks: int
    latency_p50: float | None
    latency_p95: float | None
    latency_p99: float | None
    ttft_p50: float | None
    ttft_p95: float | None
    ttft_p99: float | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    cost_unknown: int
    served_elsewhere: int
    feedback: dict[str, KeyFeedback]

    @property
    def received(self) -> int:
        """The requests that were not kept from the arm."""
        return self.requests - self.kept_away

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.received if self.received else None


@dataclass(frozen=True, slots=True)
class Traffic:
    """One experiment: its arms, and the number of requests by reason. A positive ``no_unit`` needs attention.

    ``ambiguous``: by feedback key, how many values name a response id that several requests share; they never count.
    """

    experiment: str
    variants: tuple[VariantTraffic, ...]
    reasons: dict[str, int]
    ambiguous: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AmountHistory:
    """An amount of the control's users in 14 days, up to its cap: mean ``level``, standard deviation ``spread``.

    ``share``: how much of its variance the same amount of the 14 days before explains.
    """

    metric: str
    level: float
    spread: float
    share: float


class ServedBefore(Struct, frozen=True):
    """Whose requests count: the control's in its experiment, and its deployment's on this route outside it."""

    experiment: str
    control: str
    route: str
    deployment: str
