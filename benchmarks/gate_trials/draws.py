"""Pairs of scores whose true difference is known: graded in many ways, and 0/1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from benchmarks.trials.trial import Floats

Pair = tuple[Floats, Floats]
Draw = Callable[[Generator, int, float], Pair]
"""(rng, n, delta) → candidate and baseline, one value a case in [0, 1], whose means differ by ``delta``."""
SOME = 0.05
"""Of the cases differ either way where a process without a difference would have none that does."""


def steps(size: float, either_way: float = 0.0) -> Draw:
    """Differences of ±``size`` and 0: ``either_way`` of the cases both ways alike, the rest only one way."""

    def draw(rng: Generator, n: int, delta: float) -> Pair:
        both = either_way if delta or either_way else SOME
        one = abs(delta) / size
        u = rng.random(n)
        moved = np.where(u < one, np.sign(delta), np.where(u < one + both / 2, 1.0, np.where(u < one + both, -1.0, 0)))
        baseline = np.where(moved < 0, 1.0, 1.0 - size)
        return baseline + size * moved, baseline

    return draw


def overlap(rng: Generator, n: int, delta: float) -> Pair:
    """F1 of a few words: one case in six differs, by thirds, halves or the whole."""
    sizes = np.array([1.0, 2 / 3, 1 / 2, 1 / 3])
    size = rng.choice(sizes, n, p=[0.2, 0.2, 0.3, 0.3])
    mean = float(sizes @ [0.2, 0.2, 0.3, 0.3])
    lean = delta / mean
    u = rng.random(n)
    up, down = max(0.15 + lean, 0) / 2, max(0.15 - lean, 0) / 2
    if lean < -0.15 or lean > 0.15:
        up, down = max(lean, 0.0), max(-lean, 0.0)
    moved = np.where(u < up, size, np.where(u < up + down, -size, 0.0))
    baseline = np.where(moved < 0, size, 1 - size)
    return baseline + moved, baseline


def betas(a: float, b: float) -> Draw:
    """Both sides drawn alone from Beta(a, b); the worse one is scaled down."""
    mean = a / (a + b)

    def draw(rng: Generator, n: int, delta: float) -> Pair:
        candidate, baseline = rng.beta(a, b, (2, n))
        share = 1 - abs(delta) / mean
        return (candidate * share, baseline) if delta < 0 else (candidate, baseline * share)

    return draw


def ripple(spread: float) -> Draw:
    """Every case moves a little either way, and a few lose (or gain) everything."""

    def draw(rng: Generator, n: int, delta: float) -> Pair:
        both = 0.0 if delta else SOME
        u = rng.random(n)
        moved = np.where(u < abs(delta), np.sign(delta), np.where(u < both / 2, 1.0, np.where(u < both, -1.0, 0.0)))
        little = 0.5 + rng.uniform(-spread, spread, n)
        candidate = np.where(moved > 0, 1.0, np.where(moved < 0, 0.0, little))
        return candidate, np.where(moved > 0, 0.0, np.where(moved < 0, 1.0, 0.5))

    return draw


def drift(gain: float) -> Draw:
    """Nearly every case gains a little, and a few lose everything."""

    def draw(rng: Generator, n: int, delta: float) -> Pair:
        lost = rng.random(n) < (gain - delta) / (1 + gain)
        return np.where(lost, 0.0, 0.5 + gain), np.where(lost, 1.0, 0.5)

    return draw


def shares(level: float, discordant: float) -> Draw:
    """0/1: the baseline passes ``level`` of the cases; ``discordant`` of them differ, or as few as ``delta`` needs."""

    def draw(rng: Generator, n: int, delta: float) -> Pair:
        differing = max(discordant, abs(delta))
        won, lost = (differing + delta) / 2, (differing - delta) / 2
        u = rng.random(n)
        candidate = (u < won) | (u >= 1 - (level - lost))
        baseline = ((u >= won) & (u < won + lost)) | (u >= 1 - (level - lost))
        return candidate.astype(float), baseline.astype(float)

    return draw


def tokens(spread: float, kinship: float) -> Draw:
    """Lengths of answers: lognormal on both sides, correlated on the log scale; ``delta`` is relative."""

    def draw(rng: Generator, n: int, delta: float) -> Pair:
        one, other = rng.standard_normal((2, n))
        baseline = np.exp(spread * one)
        candidate = np.exp(spread * (kinship * one + (1 - kinship**2) ** 0.5 * other))
        return 200 * (1 - delta) * candidate, 200 * baseline

    return draw


def together(draw: Draw, sizes: Callable[[int], list[int]], alike: float) -> tuple[Draw, Callable[[int], list[str]]]:
    """The same in clusters of these sizes, where a case repeats the first of its cluster with chance ``alike``.

    The second gives each case's cluster.
    """

    def clustered(rng: Generator, n: int, delta: float) -> Pair:
        first = np.repeat(np.cumsum([0, *sizes(n)[:-1]]), sizes(n))
        source = np.where(rng.random(n) < alike, first, np.arange(n))
        candidate, baseline = draw(rng, n, delta)
        return candidate[source], baseline[source]

    return clustered, lambda n: [f"cluster {at}" for at, size in enumerate(sizes(n)) for _ in range(size)]


def by(size: int) -> Callable[[int], list[int]]:
    """Clusters of one size; the last one is smaller where it must be."""
    return lambda n: [size] * (n // size) + ([n % size] if n % size else [])


def mixed(n: int) -> list[int]:
    """Three cases alone, then clusters of 2, 3, 5 and 10, and so on."""
    found: list[int] = []
    while sum(found) < n:
        found.append(min((1, 1, 1, 2, 3, 5, 10)[len(found) % 7], n - sum(found)))
    return found


def one_pair(n: int) -> list[int]:
    """One cluster of two, all other cases alone."""
    return [2] + [1] * (n - 2)
