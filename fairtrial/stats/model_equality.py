"""Tests whether two sides answer with the same model, from repeated answers of both to the same probes.

The statistic is the disagreement between the sides minus that within them. It is an energy distance, which is zero on
average exactly if both sides answer each probe alike. Source: Székely & Rizzo (2013), J. Stat. Plan. Inference
143:1249-1272.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import log

import numpy as np

from fairtrial.domain.promises import ALPHA
from fairtrial.stats.arguments import Floats

__all__ = ["Block", "Disagreement", "compare_sides", "differs_within_noise", "power_of", "upper_bound"]

DRAWS = 9_999
"""Random labellings, so that the smallest p is 0.0001."""
WORLDS = 200
BETS = ((1.0, 0.8), (0.5, 0.1), (0.2, 0.1))
"""The bets of the bound, as shares of the largest possible one, and their weights."""
WITHIN = 0.99
"""The quantile of the differences within a side up to which the sides do not differ."""
STEPS = 50


@dataclass(frozen=True, slots=True)
class Block:
    """The answers of both sides to one ``probe`` under one condition, the candidate's first, as many on each side.

    ``distances``: between each two answers, from 0 to 1. ``apart``: between the means of the sides.

    >>> import numpy as np
    >>> Block(0, np.zeros((10, 10))).repeats
    5
    """

    probe: int
    distances: Floats
    apart: float = 0.0

    @property
    def repeats(self) -> int:
        return len(self.distances) // 2


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The mean excess of the disagreement, its permutation p, and its one-sided upper 95 % bound.

    >>> Disagreement(excess=0.02, p=0.2, bound=0.04).bound < 0.05
    True
    """

    excess: float
    p: float
    bound: float


def compare_sides(blocks: Sequence[Block], *, seed: int = 0) -> Disagreement:
    """The excess over all probes. Labels are permuted within blocks, so that conditions and probes may differ.

    A block needs two answers of each side. Source: Székely & Rizzo (2013), as of the module.

    >>> import numpy as np
    >>> apart = np.kron([[0.0, 1.0], [1.0, 0.0]], np.ones((3, 3)))
    >>> found = compare_sides([Block(probe, apart) for probe in range(4)])
    >>> found.excess, found.p <= 0.001
    (1.0, True)
    """
    by_probe: dict[int, list[float]] = {}
    for block in blocks:
        by_probe.setdefault(block.probe, []).append(float(_excesses(block.distances)[0]))
    means = np.array([np.mean(values) for values in by_probe.values()])
    p = _permutation_p(blocks, np.random.default_rng(seed))
    return Disagreement(float(means.mean()), p, upper_bound(means))


def upper_bound(excesses: Floats, alpha: float = ALPHA) -> float:
    """The one-sided upper bound of the mean of values of at most 1; ``(n,)`` in any order.

    It bets against each mean, so it holds at any size. Of n probes without any excess it is close to the rule of
    three, 3/n. Source: Waudby-Smith & Ramdas (2024), JRSS-B 86:1-27.

    >>> import numpy as np
    >>> round(upper_bound(np.zeros(64)), 3)
    0.049
    """

    def is_excluded(mean: float) -> bool:
        gains = [
            log(weight) + float(np.log1p(share * (mean - excesses) / (1 - mean)).sum())
            if share < 1 or excesses.max() < 1
            else -np.inf
            for share, weight in BETS
        ]
        return bool(np.logaddexp.reduce(gains) >= -log(alpha))

    low, high = 0.0, 1.0 - 1e-9
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_excluded(middle) else (middle, high)
    return high


def differs_within_noise(blocks: Sequence[Block]) -> bool:
    """Whether the means of the sides are apart by no more than 99 % of the single answers within a side.

    Source: ADR 109.

    >>> import numpy as np
    >>> differs_within_noise([Block(0, np.zeros((4, 4)), apart=0.01)])
    False
    """
    within = np.concatenate([_within(block.distances) for block in blocks])
    return bool(max(block.apart for block in blocks) <= np.quantile(within, WITHIN) + np.finfo(np.float32).eps)


def power_of(blocks: Sequence[Block], *, excess: float, alpha: float, everywhere: bool = False, seed: int = 0) -> float:
    """The probability that as many answers to these probes show such an excess at the level ``alpha``.

    Both sides draw from the answers of both. Then the candidate answers this share of probes with another token, or
    with ``everywhere`` each probe by so much differently. Source: Efron & Tibshirani (1993), An Introduction to the
    Bootstrap, chapter 25.

    >>> import numpy as np
    >>> power_of([Block(probe, np.zeros((6, 6))) for probe in range(16)], excess=0.9, alpha=0.001)
    1.0
    """
    draw = np.random.default_rng(seed)
    found = 0
    for _ in range(WORLDS):
        changed = {block.probe: draw.random() < excess for block in blocks}
        world = [_redrawn(block, excess if everywhere else float(changed[block.probe]), draw) for block in blocks]
        found += _permutation_p(world, draw) <= alpha
    return found / WORLDS


def _redrawn(block: Block, shift: float, draw: np.random.Generator) -> Block:
    size, r = len(block.distances), block.repeats
    order = draw.integers(size, size=size)
    distances = block.distances[np.ix_(order, order)]
    if shift:
        between = np.minimum(1.0, distances[:r, r:] + shift)
        distances = np.block([[distances[:r, :r], between], [between.T, distances[r:, r:]]])
    return Block(block.probe, distances)


def _permutation_p(blocks: Sequence[Block], draw: np.random.Generator) -> float:
    """The share of labellings whose excess is at least as large, the observed one included."""
    weights: dict[int, int] = {}
    for block in blocks:
        weights[block.probe] = weights.get(block.probe, 0) + 1
    observed, drawn = 0.0, np.zeros(DRAWS)
    for block in blocks:
        if not block.distances.any():
            continue
        values = _excesses(block.distances) / weights[block.probe]
        observed += values[0]
        drawn += values[draw.integers(len(values), size=DRAWS, dtype=np.uint16)]
    return float((1 + np.count_nonzero(drawn >= observed - 1e-9)) / (1 + DRAWS))


def _excesses(distances: Floats) -> Floats:
    """The excess of each labelling of one block, the observed one first."""
    result: Floats = _weights(len(distances)) @ distances.ravel()
    return result


@cache
def _weights(size: int) -> Floats:
    """The weight of each distance in the excess, ``(labellings, size * size)``; as many answers on both sides.

    A distance between the sides counts 1 / r², one within them -1 / (2 r (r - 1)) in each order.
    """
    r = size // 2
    chosen = np.array(list(combinations(range(size), r)))
    mine = np.zeros((len(chosen), size))
    np.put_along_axis(mine, chosen, 1.0, axis=1)
    others = 1.0 - mine
    between = mine[:, :, None] * others[:, None, :] / r**2
    within = (mine[:, :, None] * mine[:, None, :] + others[:, :, None] * others[:, None, :]) / (2 * r * (r - 1))
    result: Floats = (between - within).reshape(len(chosen), size * size)
    return result


def _within(distances: Floats) -> Floats:
    r = len(distances) // 2
    upper = np.triu_indices(r, 1)
    result: Floats = np.concatenate([distances[:r, :r][upper], distances[r:, r:][upper]])
    return result
