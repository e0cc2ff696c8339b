"""McNemar's test and the sign-flip test: whether more cases changed in one direction than in the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.intervals import at_least, exactly
from fairtrial.stats.paired.clustered import ROUNDING, Clusters, Floats, cluster_sums

__all__ = ["exact", "exact_one_sided", "mid_p", "sign_flip"]

NO_FLIP = NotEnough("no case flipped", "a case that only one side passed")
EXACT_TO = 16
"""With up to this many differences, all 2ⁿ flips are evaluated."""
FLIPS = 10_000
TIE = 1e-12
WORD = 8
"""Bytes that the generator produces at a time."""
AT_ONCE, TOGETHER = 2_000_000, 400
"""Signs drawn at a time, and flips summed at a time, a multiple of `WORD`."""


def exact(won: int, lost: int) -> float | NotEnough:
    """The exact two-sided p-value: the binomial test of ``won`` among the flips.

    ``won`` and ``lost`` count the cases that only the first and that only the second passed. Returns `NotEnough`
    without a flip, and raises `ValueError` for counts below 0.

    Source: McNemar (1947), Psychometrika 12:153-157.

    >>> print(f"{exact(won=86, lost=150):.3e}")
    3.716e-05
    """
    flips = _flips(won, lost)
    if flips == 0:
        return NO_FLIP
    return min(1.0, 2 * at_least(max(won, lost), flips, 0.5))


def exact_one_sided(more: int, fewer: int) -> float:
    """The probability of at least ``more`` changes in one direction if both are equally likely; 1 without a change.

    Source: McNemar (1947), Psychometrika 12:153-157.

    >>> round(exact_one_sided(more=6, fewer=0), 4)
    0.0156
    """
    flips = _flips(more, fewer)
    return at_least(more, flips, 0.5) if flips else 1.0


def mid_p(won: int, lost: int) -> float | NotEnough:
    """The mid-p version of `exact`, which subtracts the probability of the observed value and is less conservative.

    ``won``, ``lost`` and `NotEnough` are as in `exact`. If ``won`` equals ``lost``, the result is 1 minus half that
    probability.

    Source: Fagerland, Lydersen & Laake (2013), BMC Medical Research Methodology 13:91.

    >>> print(f"{mid_p(won=6, lost=16):.4f}")
    0.0347
    """
    flips = _flips(won, lost)
    if flips == 0:
        return NO_FLIP
    if won == lost:
        return 1.0 - 0.5 * exactly(won, flips, 0.5)
    more = max(won, lost)
    return 2 * at_least(more, flips, 0.5) - exactly(more, flips, 0.5)


def _flips(won: int, lost: int) -> int:
    if not (won >= 0 and lost >= 0):
        raise ValueError(f"counts of cases must be 0 or more, not {won} won and {lost} lost")
    return won + lost


def sign_flip(differences: Floats, clusters: Clusters | None = None, *, seed: int = 0) -> float | NotEnough:
    """The two-sided p-value of a mean difference of 0; the signs of a cluster flip together.

    ``differences`` has one value for each case, on any scale. ``clusters`` gives the cluster of each, or ``None`` if
    each stands alone. The p-value is exact for up to 16 differing clusters. Above that, it is (b + 1)/(10,000 + 1),
    where b of the 10,000 seeded flips are at least as extreme. Returns `NotEnough` if nothing differs.

    Source: Fisher (1935), The Design of Experiments, §21; Phipson & Smyth (2010) for the + 1.

    >>> maize = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    >>> print(f"{sign_flip(np.array(maize, dtype=float)):.4f}")
    0.0527
    """
    sums = cluster_sums(differences, clusters)
    # Differences that cancel leave a rounding error, whose random sign must not count.
    sums = sums[np.abs(sums) > ROUNDING * float(np.abs(differences).max(initial=0.0))]
    count = len(sums)
    if count == 0:
        return NotEnough("no case differs", "a case on which the two sides differ", len(differences))
    seen = abs(float(sums.sum())) - TIE * float(np.abs(sums).sum())
    if count <= EXACT_TO:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        return float(np.mean(np.abs((2.0 * bits - 1.0) @ sums) >= seen))
    return float((1 + np.count_nonzero(np.abs(_flipped(sums, seed)) >= seen)) / (FLIPS + 1))


def _flipped(sums: Floats, seed: int) -> Floats:
    """The sum of each of the seeded flips.

    The signs are those of ``integers(0, 2, (FLIPS, count), dtype=np.int8) * 2 - 1``, which are the top bits of the
    generator's bytes. Eight signs at a time are looked up in a table of all their sums. This way 100,000 differences
    need half a second and 50 MB.
    """
    rng, count = np.random.default_rng(seed), len(sums)
    eights = np.zeros(-(-count // WORD) * WORD)
    eights[:count] = sums
    signs = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1) * 2.0 - 1.0
    table = eights.reshape(-1, WORD) @ signs.T
    flipped = np.zeros(FLIPS)
    for start in range(0, FLIPS, TOGETHER):
        some = flipped[start : start + TOGETHER]
        for of_eight, drawn in zip(table, _packed(rng, len(some), count), strict=True):
            some += of_eight.take(drawn)
    return flipped


def _packed(rng: np.random.Generator, rows: int, count: int) -> NDArray[np.uint8]:
    """The next signs of so many flips: a row for eight differences each, a byte for each flip."""
    packed = np.empty((rows, -(-count // WORD)), dtype=np.uint8)
    step = max(WORD, AT_ONCE // count // WORD * WORD)  # whole words of the generator, for any count
    for start in range(0, rows, step):
        few = min(step, rows - start)
        drawn = rng.integers(0, 2**64, -(-few * count // WORD), dtype=np.uint64).view(np.uint8)[: few * count]
        packed[start : start + few] = np.packbits(drawn.reshape(few, count) > 127, axis=1)
    return np.ascontiguousarray(packed.T)
