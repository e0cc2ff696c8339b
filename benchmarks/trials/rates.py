"""Two arms without a difference, one yes or no a user, looked at after every user: does anything fire?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.random import Generator

from benchmarks.trials.mixture import Looks, agree
from benchmarks.trials.trial import Floats, Measures, Target, Trial
from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.means import rate_difference
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.conversions import conversion_evidence, conversion_harm
from fairtrial.stats.sums import Successes

ALPHA = 0.05
LOOKS = 500
"""Looks of a chunk: small enough for the processor's cache."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Users and conversions so far, (paths, looks), of control and treatment."""

    n_control: Floats
    k_control: Floats
    n_treatment: Floats
    k_treatment: Floats

    def looks(self) -> Looks:
        """`rate_difference` at every look, with its guards."""
        with np.errstate(divide="ignore", invalid="ignore"):
            p, q = self.k_control / self.n_control, self.k_treatment / self.n_treatment
            both = (self.k_control + self.k_treatment) / (self.n_control + self.n_treatment)
            alike = both * (1 - both) * (1 / self.n_control + 1 / self.n_treatment)
            variance = np.maximum(p * (1 - p) / self.n_control + q * (1 - q) / self.n_treatment, alike)
        ready = np.minimum(self.n_control, self.n_treatment) >= 30
        for n, k in ((self.n_control, self.k_control), (self.n_treatment, self.k_treatment)):
            ready &= (k >= 10) & (n - k >= 10)
        return Looks(q - p, variance, ready)

    def at(self, path: int, look: int) -> tuple[Successes, Successes]:
        """The library's counts of one path at one look."""
        spot = path, look
        return (
            Successes(int(self.n_control[spot]), int(self.k_control[spot])),
            Successes(int(self.n_treatment[spot]), int(self.k_treatment[spot])),
        )


def users(
    rng: Generator, paths: int, horizon: int, *, rates: tuple[float, float], share: float, chunk: int = LOOKS
) -> Iterator[Counts]:
    """Users one by one, each into the treatment with chance ``share``, converting with their arm's rate."""
    seen = np.zeros((3, paths, 1))
    for start in range(0, horizon, chunk):
        size = min(chunk, horizon - start)
        treated = rng.random((paths, size), dtype=np.float32) < share
        rate = rates[0] if rates[0] == rates[1] else np.where(treated, *reversed(rates))
        converted = rng.random((paths, size), dtype=np.float32) < rate
        n, k, both = (
            before + np.cumsum(now, axis=1)
            for before, now in zip(seen, (treated, converted, treated & converted), strict=True)
        )
        seen = np.stack([n[:, -1:], k[:, -1:], both[:, -1:]])
        total = start + np.arange(1.0, size + 1)
        yield Counts(total - n, k - both, n, both)


def no_difference(rng: Generator, paths: int, *, rate: float, share: float, horizon: int, lift: float) -> Measures:
    """Whether each rule ever fires."""
    tau = lift * rate
    fired = {name: np.zeros(paths, dtype=bool) for name in ("mixture", "above", "below", "wide", "exact", "exact harm")}
    high, low, harm = bounds(share, lift, conversions_by(horizon, rate))
    for counts in users(rng, paths, horizon, rates=(rate, rate), share=share):
        looks = counts.looks()
        m = (counts.k_control + counts.k_treatment).astype(np.int64)
        found = {
            "mixture": looks.excluded(tau=tau),
            "above": looks.above(tau=tau),
            "below": looks.mirrored().above(tau=tau),
            "wide": looks.excluded(tau=rate),
            "exact": (counts.k_treatment >= high[m]) | (counts.k_treatment <= low[m]),
            "exact harm": counts.k_treatment >= harm[m],
        }
        for name, each in found.items():
            fired[name] |= each.any(axis=1)
        for path, look in ((0, -1), (1, int(rng.integers(looks.value.shape[1])))):
            agree(looks, (path % paths, look), rate_difference(*counts.at(path % paths, look)), tau=tau)
    return fired


def conversions_by(horizon: int, rate: float) -> int:
    """More conversions than any path will have."""
    return int(horizon * rate + 8 * (horizon * rate) ** 0.5 + 50)


@cache
def bounds(share: float, lift: float, most: int) -> tuple[Floats, Floats, Floats]:
    """For each number of conversions: from how many in the treatment, and up to how many, the library rejects."""
    two_sided = partial(conversion_evidence, share=share, lift=lift)
    harm = partial(conversion_harm, share=share, lift=lift)
    upper = first_rejected(lambda k, m: two_sided(m - k, k), most, start=share)
    mirrored = first_rejected(lambda k, m: two_sided(k, m - k), most, start=1 - share)
    return upper, np.arange(most + 1) - mirrored, first_rejected(lambda k, m: harm(m - k, k), most, start=share)


def first_rejected(
    bet: Callable[[int, int], EValue | NotEnough], most: int, *, start: float, alpha: float = ALPHA
) -> Floats:
    """For m = 0, 1, …: the least k, not below m·start, at which the bet on (k, m) rejects; m + 1 where none does.

    The evidence rises with k there, and the next m needs as many or one more: so few questions are enough.
    """
    least = np.empty(most + 1)
    k = 0
    for m in range(most + 1):
        k = max(k - 1, int(np.ceil(m * start)))
        while k <= m and not rejects(bet(k, m), alpha):
            k += 1
        least[m] = k
    return least


def rejects(found: EValue | NotEnough, alpha: float) -> bool:
    return not isinstance(found, NotEnough) and found.rejects(alpha)


def a_a(rate: float, share: float, horizon: int, lift: float) -> Trial:
    """The simulation of one rate and split."""
    treated = round(100 * share)
    return Trial(
        f"rates-{rate:g}-{100 - treated}/{treated}",
        "A/A: a rate, one value a user",
        f"Bernoulli({rate:g}), split {100 - treated}/{treated}, look after each of {horizon:,} users, τ = {lift:.0%}",
        partial(no_difference, rate=rate, share=share, horizon=horizon, lift=lift),
        (
            Target("mixture", "always_valid excludes 0", at_most=ALPHA),
            Target("above", "at_least above 0 (harm, a bad rate up)", at_most=ALPHA),
            Target("below", "at_most below 0 (harm, a good rate down)", at_most=ALPHA),
            Target("wide", "always_valid, τ as large as the rate", at_most=ALPHA),
            Target("exact", "conversion_evidence ≥ 1/α", at_most=ALPHA),
            Target("exact harm", "conversion_harm ≥ 1/α", at_most=ALPHA),
        ),
    )


TRIALS = (
    a_a(0.01, 0.5, 50_000, 0.5),
    a_a(0.01, 0.1, 100_000, 0.5),
    a_a(0.1, 0.5, 20_000, 0.1),
    a_a(0.1, 0.1, 20_000, 0.1),
    a_a(0.5, 0.5, 20_000, 0.1),
    a_a(0.5, 0.1, 20_000, 0.1),
)
