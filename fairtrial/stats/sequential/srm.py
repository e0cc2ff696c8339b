"""Sample-ratio mismatch: whether units arrive in the arms by the planned split, valid at every look."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load
from numpy.typing import ArrayLike

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arguments import Floats, check_alpha
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.conversions import log_rise

__all__ = ["SrmStatus", "srm_evidence", "srm_fixed", "srm_status"]

STRENGTH = 1000.0
"""How close the alternative is to the plan: about a relative 3 % of each arm at an even split (1/√1000)."""
METHOD = "sample ratio, Dirichlet mixture"


@dataclass(frozen=True, slots=True)
class SrmStatus:
    """All looks at a split so far: ``log_e`` is the largest evidence, which never decreases.

    ``counts`` gives the units of each arm now. ``crossed_at`` is the number of the unit at which the evidence first
    reached 1/alpha, or ``None`` if it never did. Units are counted from 1 in the order of their arrival.

    >>> SrmStatus(counts=(5_012, 4_988), log_e=0.4, crossed_at=None, alpha=0.01).invalid
    False
    """

    counts: tuple[int, ...]
    log_e: float
    crossed_at: int | None
    alpha: float

    @property
    def n(self) -> int:
        """Units in all arms."""
        return sum(self.counts)

    @property
    def invalid(self) -> bool:
        """Whether any look rejected the planned split; the arms must then not be compared."""
        return self.crossed_at is not None

    @property
    def p(self) -> float:
        """The always-valid p-value of the planned split, the smallest of all looks."""
        return exp(-self.log_e)


def srm_evidence(counts: Sequence[int], shares: Sequence[float], *, strength: float = STRENGTH) -> EValue | NotEnough:
    """The e-value against "units are assigned by these shares"; it reaches 1/α with probability α at most.

    ``counts`` gives the units of each arm, each counted once, at its first assignment. ``shares`` are the planned
    shares, which sum to 1. ``strength`` is K of the Dirichlet mixture around the plan, fixed before the first unit.
    Large values suit small mismatches in heavy traffic. Returns `NotEnough` without a unit.

    Source: Lindon & Malek (2022), NeurIPS 35, arXiv:2011.03567.

    >>> round(srm_evidence([5_300, 4_700], [0.5, 0.5]).p, 8)
    2.6e-07
    """
    observed, planned = _counts(counts), _planned(shares, len(counts), strength)
    if observed.sum() == 0:
        return _nobody()
    return EValue(log_marginal_ratio(observed, planned, strength * planned), int(observed.sum()), METHOD)


def srm_status(
    arms: ArrayLike, shares: Sequence[float], *, strength: float = STRENGTH, alpha: float = 0.01
) -> SrmStatus | NotEnough:
    """The evidence after each unit: the largest value, and when it first exceeded 1/alpha.

    ``arms`` gives each unit's arm as an index into ``shares``, in the order of first assignment. The same rows always
    give the same answer, so a latch needs no state beyond the rows. The time is linear in the number of units. Returns
    `NotEnough` without a unit.

    Source: as `srm_evidence`, written as a product of predictive probabilities.

    >>> srm_status([0, 1, 1] * 400, [0.5, 0.5]).crossed_at
    339
    """
    check_alpha(alpha)
    assigned, planned = np.asarray(arms), _planned(shares, len(shares), strength)
    if assigned.size == 0:
        return _nobody()
    if assigned.ndim != 1 or assigned.dtype.kind not in "iu" or assigned.min() < 0 or assigned.max() >= len(shares):
        raise ValueError(f"an arm is not one of the {len(shares)} planned arms")
    gains = -np.log1p(np.arange(assigned.size) / strength)
    for arm, share in enumerate(planned):
        at = np.flatnonzero(assigned == arm)
        gains[at] += np.log1p(np.arange(at.size) / (strength * share))
    log_e = np.cumsum(gains)
    crossed = np.flatnonzero(log_e >= -log(alpha))
    counts = tuple(int(count) for count in np.bincount(assigned, minlength=len(shares)))
    return SrmStatus(counts, max(0.0, float(log_e.max())), int(crossed[0]) + 1 if crossed.size else None, alpha)


def srm_fixed(counts: Sequence[int], shares: Sequence[float]) -> float | NotEnough:
    """The p-value of the χ² test, for one look fixed in advance. Report it as "fixed", and never stop because of it.

    Returns `NotEnough` below five expected units in an arm, where the statistic does not follow χ².

    Source: Pearson (1900), Phil. Mag. 50:157-175; Cochran (1954), Biometrics 10:417-451, for the five.

    >>> f"{srm_fixed([821_588, 815_482], [0.5, 0.5]):.1e}"
    '1.8e-06'
    """
    observed = _counts(counts)
    expected = observed.sum() * _planned(shares, len(counts), STRENGTH)
    if expected.min() < 5:
        return NotEnough("an arm expects fewer than 5 units", "5 expected units in each arm", int(observed.sum()))
    squares = float(((observed - expected) ** 2 / expected).sum())
    return float(scipy.special.gammaincc((len(observed) - 1) / 2, squares / 2))


def log_marginal_ratio(counts: Floats, shares: Floats, prior: Floats) -> float:
    """ln of the counts' probability under a Dirichlet prior, relative to that under the planned shares."""
    total = float(prior.sum())
    mixture = sum(log_rise(float(a), float(k)) for a, k in zip(prior, counts, strict=True))
    apart = counts @ (np.log(prior) - log(total) - np.log(shares))
    return float(mixture - log_rise(total, float(counts.sum())) + apart)


def _counts(counts: Sequence[int]) -> Floats:
    numbers = np.asarray(counts, dtype=np.float64)
    if numbers.ndim != 1 or not (np.isfinite(numbers) & (numbers >= 0) & (numbers == np.floor(numbers))).all():
        raise ValueError(f"counts of units must be whole numbers of 0 or more, not {list(counts)}")
    return numbers


def _planned(shares: Sequence[float], arms: int, strength: float) -> Floats:
    planned = np.asarray(shares, dtype=np.float64)
    if len(planned) != arms or arms < 2 or not (planned > 0).all() or abs(planned.sum() - 1) > 1e-6:
        raise ValueError(f"the shares of {arms} arms must be above 0 and sum to 1, not {list(shares)}")
    if not 0 < strength < inf:
        raise ValueError(f"the strength must be a number above 0, not {strength}")
    return np.asarray(planned / planned.sum(), dtype=np.float64)


def _nobody() -> NotEnough:
    return NotEnough("no unit is assigned yet", "one unit or more")
