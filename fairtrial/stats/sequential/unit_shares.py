"""Tests on the mean over units of each unit's share of bad requests: harm beyond a margin, and safety within it."""

from dataclasses import dataclass
from math import inf, lgamma, log, log1p
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arguments import Floats, check_alpha
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sums import Moments

__all__ = ["BINS", "ShareTest", "UnitShares", "share_difference", "share_evidence", "share_level"]

BINS = 21
"""The bins of a histogram: the shares 0, 0.05, … 1."""
FRACTIONS = np.array([0.003, 0.006, 0.012, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
"""The stakes of the bets, as shares of the largest one that can't lose everything."""
LARGEST = 0.999
PRIOR = 0.5
PRECISION = 1e-9
"""How exact the ends of the interval of a difference are."""
_SHARES = np.linspace(0.0, 1.0, BINS)

Side = Literal["harm", "safe"]
_SIDES: tuple[Side, ...] = ("harm", "safe")


@dataclass(frozen=True, slots=True)
class UnitShares:
    """One arm: how many units have each share of bad requests, in `BINS` bins from 0 to 1.

    A share between two bins counts in one of them, drawn by chance, so that its expected value stays the same. Raises
    `ValueError` for another number of bins, or a count below 0.

    >>> UnitShares.of([0, 1, 1], [4, 2, 1], luck=[0.9, 0.9, 0.9]).total
    1.5
    """

    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.counts) != BINS or min(self.counts) < 0:
            raise ValueError(f"a histogram of shares needs {BINS} counts of 0 or more")

    @classmethod
    def of(cls, bad: ArrayLike, requests: ArrayLike, *, luck: ArrayLike) -> Self:
        """The arm from the bad requests, all requests and a fixed number from 0 to 1 of each unit, such as a hash."""
        bins = bins_of(np.asarray(bad, np.float64) / np.asarray(requests, np.float64), np.asarray(luck, np.float64))
        return cls(tuple(int(count) for count in np.bincount(bins, minlength=BINS)))

    @classmethod
    def none(cls) -> Self:
        """An arm without units."""
        return cls((0,) * BINS)

    def __add__(self, other: Self) -> Self:
        return type(self)(tuple(count + more for count, more in zip(self.counts, other.counts, strict=True)))

    @property
    def n(self) -> int:
        """The number of units."""
        return sum(self.counts)

    @property
    def total(self) -> float:
        """The sum of all shares."""
        return float(np.dot(_SHARES, self.counts))

    @property
    def moments(self) -> Moments:
        """The sums of the shares and of their squares."""
        return Moments(self.n, self.total, float(np.dot(_SHARES**2, self.counts)))

    @property
    def mean(self) -> float:
        """The mean share. Raises `ValueError` if there are no units."""
        if not self.n:
            raise ValueError("without units there is no mean share")
        return self.total / self.n


@dataclass(frozen=True, slots=True)
class ShareTest:
    """One question about the mean shares: is the treatment's larger than the control's by ``margin``?

    ``side``: "harm" tests that it exceeds the margin, and "safe" that it stays below. ``margin`` is absolute, 0.01 for
    one point, or a share of the control's mean if ``relative``. A negative one tests a gain. ``share`` is the
    treatment's planned share of the units of both arms. Raises `ValueError` for impossible values.

    >>> round(ShareTest("safe", margin=0.01).largest_stake, 6)
    0.50201
    """

    side: Side
    margin: float
    relative: bool = False
    share: float = 0.5

    def __post_init__(self) -> None:
        if not (-1 <= self.margin <= (inf if self.relative else 1.0) and 0 < self.share < 1):
            raise ValueError(f"{self}: a margin must lie between -1 and 1, and a share between 0 and 1")

    @property
    def largest_stake(self) -> float:
        """The largest stake with which no unit can lose everything."""
        q, m = self.share, self.margin
        if self.relative:
            return LARGEST * (q if self.side == "safe" else (1 - q) / (1 + m))
        return LARGEST / ((1 / q - m) if self.side == "safe" else (1 / (1 - q) + m))

    def gains(self) -> tuple[Floats, Floats]:
        """ln(1 + stake · gain) by bin and stake, for a unit of the control and of the treatment."""
        q, m = self.share, self.margin
        offset, weight = (0.0, 1 + m) if self.relative else (m, 1.0)
        gain = np.concatenate((offset + weight * _SHARES / (1 - q), offset - _SHARES / q))
        stakes = FRACTIONS * (self.largest_stake if self.side == "safe" else -self.largest_stake)
        logs = np.log1p(gain[:, None] * stakes)
        return logs[:BINS], logs[BINS:]

    def log_e(self, control: ArrayLike, treatment: ArrayLike) -> Floats:
        """ln of the e-value for counts by bin; leading dimensions are kept, such as those of trials or looks."""
        control_gains, treatment_gains = self.gains()
        won = np.asarray(control, np.float64) @ control_gains + np.asarray(treatment, np.float64) @ treatment_gains
        most = np.maximum.reduce(won, axis=-1, keepdims=True)
        mean: Floats = most[..., 0] + np.log(np.add.reduce(np.exp(won - most), axis=-1) / len(FRACTIONS))
        return mean


def share_evidence(control: UnitShares, treatment: UnitShares, test: ShareTest) -> EValue | NotEnough:
    """The e-value for a test, valid after any number of units; `NotEnough` without units of both arms.

    Each unit bets a fixed share of the capital on the next unit, and eleven such bettors share the capital. A unit
    counts once its window is complete. There is no variance to estimate, no minimum and no cap on requests.

    Source: Waudby-Smith & Ramdas (2024), JRSS-B 86(1):1-27, betting on the mean of bounded values.

    >>> fine = UnitShares((600,) + (0,) * 20)
    >>> share_evidence(fine, fine, ShareTest("safe", margin=0.01)).rejects(0.05)
    True
    """
    if not (control.n and treatment.n):
        return NotEnough("no unit of an arm has a complete window", "units with complete windows", treatment.n)
    log_e = float(test.log_e(control.counts, treatment.counts))
    return EValue(log_e, control.n + treatment.n, f"shares of units, betting, {test.side}")


def share_difference(
    control: UnitShares, treatment: UnitShares, *, share: float = 0.5, level: float = 0.95
) -> Estimate | NotEnough:
    """Treatment − control of the mean shares, with the interval of the margins that `share_evidence` does not reject.

    It is valid after any number of units. Each end has half of the error probability.

    Source: as `share_evidence`, whose tests it inverts.

    >>> print(share_difference(UnitShares((600,) + (0,) * 20), UnitShares((600,) + (0,) * 20)))
    0 (-0.0106 to 0.0106; 95 %, n = 1,200, difference of mean shares, betting, always valid)
    """
    check_alpha(1 - level)
    if not (control.n and treatment.n):
        return NotEnough("no unit of an arm has a complete window", "units with complete windows", treatment.n)
    least = -log((1 - level) / 2)
    value = treatment.mean - control.mean
    low, high = (_margin_of(control, treatment, share, side, least, value) for side in _SIDES)
    method = "difference of mean shares, betting, always valid"
    return Estimate(value, low, high, level, control.n + treatment.n, method, always_valid=True)


def share_level(seen: UnitShares, *, level: float = 0.95) -> Estimate | NotEnough:
    """The mean share with an interval that is valid after any number of units, also if no request was bad.

    Source: Robbins (1970), Ann. Math. Stat. 41:1397-1409, the beta mixture with a Beta(1/2, 1/2) prior; it bounds any
    values between 0 and 1, because the likelihood ratio is convex in the value.

    >>> print(share_level(UnitShares((600,) + (0,) * 20)))
    0 (0 to 0.01121; 95 %, n = 600, mean share of units, beta mixture, always valid)
    """
    check_alpha(1 - level)
    if not seen.n:
        return NotEnough("no unit has a complete window", "a unit with a complete window")
    value = seen.mean
    low = 0.0 if value == 0 else _edge(seen, 1 - level, value, 0.0)
    high = 1.0 if value == 1 else _edge(seen, 1 - level, value, 1.0)
    method = "mean share of units, beta mixture, always valid"
    return Estimate(value, low, high, level, seen.n, method, always_valid=True)


def bins_of(shares: Floats, luck: Floats) -> NDArray[np.int64]:
    """The bin of each share, rounded up where ``luck`` is below its fraction."""
    scaled = shares * (BINS - 1)
    low = np.floor(scaled + 1e-9)
    bins: NDArray[np.int64] = (low + (luck < scaled - low - 1e-9)).astype(np.int64)
    return bins


def _margin_of(
    control: UnitShares, treatment: UnitShares, share: float, side: Side, least: float, value: float
) -> float:
    """The margin at which the evidence reaches ``least``, between the estimate and the end of the range."""
    counts = np.array(control.counts, np.float64), np.array(treatment.counts, np.float64)

    def beyond(margin: float) -> float:
        return float(ShareTest(side, margin, share=share).log_e(*counts)) - least

    inside, outside = value, -1.0 if side == "harm" else 1.0
    lacks, has = beyond(inside), beyond(outside)
    if has < 0:
        return outside
    while abs(outside - inside) > PRECISION and lacks < 0:
        # Regula falsi, kept a tenth of the way from both ends, so that the interval shrinks from both sides.
        step = min(max(lacks / (lacks - has), 0.1), 0.9)
        middle = inside + step * (outside - inside)
        excess = beyond(middle)
        inside, outside, lacks, has = (inside, middle, lacks, excess) if excess >= 0 else (middle, outside, excess, has)
    return outside


def _edge(seen: UnitShares, alpha: float, inside: float, outside: float) -> float:
    """The rate between both at which the evidence against it reaches 1/α."""
    n, k = seen.n, seen.total
    prior = 2 * lgamma(PRIOR) - lgamma(2 * PRIOR)
    won = lgamma(PRIOR + k) + lgamma(PRIOR + n - k) - lgamma(2 * PRIOR + n) - prior + log(alpha)
    for _ in range(60):
        middle = (inside + outside) / 2
        likely = (k * log(middle) if k else 0.0) + ((n - k) * log1p(-middle) if n > k else 0.0)
        inside, outside = (inside, middle) if won >= likely else (middle, outside)
    return (inside + outside) / 2
