"""Marks and votes: what experts and a judge say together covers the truth, and may be watched while it comes in."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.trials.mixture import Looks, agree
from benchmarks.trials.running import Sums
from benchmarks.trials.trial import Floats, Measures, Target, Trial
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arms.means import mean
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.review.ppi import ppi_difference, ppi_mean
from fairtrial.stats.review.preference_effect import preference_effect_of_sums
from fairtrial.stats.sums import JointMoments, Moments

ITEMS, RIGHT, GOOD = 2_000, 0.9, 0.7
EXPERTS = (20, 50, 100, 200)
WATCHED = 1_000
VOTES, PAIRS, TIES, TAU = 2, 1_000, 0.3, 0.05


def marks(rng: Generator, count: int) -> tuple[Floats, Floats]:
    """Experts' marks of yes or no, and those of a judge who agrees with nine in ten."""
    expert = rng.random(count) < GOOD
    judge = np.where(rng.random(count) < RIGHT, expert, ~expert)
    return expert.astype(np.float64), judge.astype(np.float64)


def arm(rng: Generator, experts: int) -> tuple[Effect | NotEnough, Effect | NotEnough]:
    """PPI++ of one arm, and the experts alone."""
    expert, judge = marks(rng, ITEMS)
    joint = JointMoments.of(expert[:experts], judge[:experts])
    return ppi_mean(joint, Moments.of(judge[experts:])), mean(joint.first)


def covers(rng: Generator, paths: int, *, experts: int) -> Measures:
    """Whether the 95 % interval holds the truth, and its width in that of the experts alone."""
    found = np.full((4, paths), np.nan)
    for path in range(paths):
        (one, alone), (other, others) = arm(rng, experts), arm(rng, experts)
        level, apart = fixed(one), fixed(ppi_difference(one, other))
        human = fixed(ppi_difference(alone, others))
        found[0, path], found[1, path], found[2, path] = holds(level, GOOD), holds(apart, 0.0), holds(human, 0.0)
        if isinstance(apart, Estimate) and isinstance(human, Estimate):
            found[3, path] = (apart.high - apart.low) / (human.high - human.low)
    return dict(zip(("one", "two", "human", "width"), found, strict=True))


def holds(found: Estimate | NotEnough, truth: float) -> float:
    return float(isinstance(found, Estimate) and found.low <= truth <= found.high)


def watched_marks(rng: Generator, paths: int) -> Measures:
    """Whether `always_valid` ever excludes 0 while experts mark one item in each arm after the other."""
    fired = np.zeros(paths, dtype=bool)
    for path in range(paths):
        arms = []
        for _ in range(2):
            expert, judge = marks(rng, ITEMS + WATCHED)
            known = np.ones((1, WATCHED), dtype=bool)
            sums = Sums.of(known, expert[np.newaxis, :WATCHED], judge[np.newaxis, :WATCHED])
            arms.append((sums, Moments.of(judge[WATCHED:])))
        (value, variance), (other, more) = (judged(sums, rest) for sums, rest in arms)
        looks = Looks(other - value, variance + more, arms[0][0].n >= 100)
        fired[path] = looks.excluded(tau=TAU).any()
        if path < 2:
            for at in ((0, WATCHED - 1), (0, int(rng.integers(WATCHED)))):
                agree(looks, at, ppi_difference(*(ppi_mean(sums.joint(at), rest) for sums, rest in arms)), tau=TAU)
    return {"fired": fired}


def judged(sums: Sums, rest: Moments) -> tuple[Floats, Floats]:
    """The value and variance of `ppi_mean` after each mark, with as many other items throughout."""
    n, more = np.maximum(sums.n, 3), rest.n
    xx, yy, xy = sums.variances()
    y, sum_yy, _ = sums.second()
    total, squares, count = y + rest.x, sum_yy + rest.xx, n + more
    spread = (squares - total * total / count) / (count - 1)
    trust = np.clip(xy / ((1 + n / more) * np.where(spread > 0, spread, 1)), 0, 1)
    residual = np.maximum(0, xx - 2 * trust * xy + trust * trust * yy)
    value = trust * rest.mean + (sums.x - trust * y) / n
    return value, trust * trust * rest.variance / more + ((n - 1) * residual + 1) / (n - 1 - (trust > 0)) / n


def votes(rng: Generator, paths: int) -> Measures:
    """Whether the watched preference of equal models ever leaves a half: two votes a pair that lean alike."""
    shape = (paths, PAIRS)
    leaning = rng.random(shape)
    one, other = (
        np.where(rng.random(shape) < TIES, 0.5, (rng.random(shape) < leaning).astype(np.float64)) for _ in range(2)
    )
    known = np.ones(shape, dtype=bool)
    whole = Sums.of(known, one + other, np.full(shape, 2.0))
    y, yy, xy = whole.second()
    total = one + other
    half = Sums(whole.n, whole.x - other, whole.xx - total**2 + one**2, y - 1, yy - 3, xy - 2 * total + one)
    looks = preference(Sums(*(np.hstack(two) for two in zip(half.parts(), whole.parts(), strict=True))))
    for sums, at in ((whole, (0, PAIRS - 1)), (half, (1 % paths, int(rng.integers(PAIRS))))):
        agree(preference(sums), at, preference_effect_of_sums(sums.joint(at)), tau=TAU)
    return {"fired": np.asarray(looks.excluded(tau=TAU).any(axis=1))}


def preference(sums: Sums) -> Looks:
    """`preference_effect_of_sums` at every look."""
    n, y = np.maximum(sums.n, 2), sums.second()[0]
    rate = sums.x / y
    xx, yy, xy = sums.variances()
    variance = np.maximum(0, xx - 2 * rate * xy + rate * rate * yy) * n / y**2
    return Looks(rate - 0.5, variance, sums.n >= 30)


def coverage(experts: int) -> Trial:
    promised = experts >= 100
    least = 0.94 if promised else None
    return Trial(
        f"ppi-{experts}",
        "Coverage: experts and a judge together",
        f"{experts} experts' marks an arm (70 % yes), {ITEMS - experts:,} more by a judge who is right in 90 %",
        partial(covers, experts=experts),
        (
            Target("one", "fixed on ppi_mean: one arm", at_least=least),
            Target("two", "fixed on ppi_difference: two arms", at_least=least),
            Target("human", "fixed, experts alone: two arms"),
            Target("width", "width of ppi_difference in that of the experts alone", unit=""),
        ),
    )


TRIALS = (
    *(coverage(experts) for experts in EXPERTS),
    Trial(
        "ppi-watched",
        "A/A: experts and a judge, watched",
        f"the same marks, look after each of {WATCHED:,} experts' marks an arm from 100 on, τ = {TAU:g}",
        watched_marks,
        (Target("fired", "always_valid on ppi_difference", at_most=0.05),),
    ),
    Trial(
        "preference",
        "A/A: blind votes on equal models, watched",
        f"{PAIRS:,} pairs of answers, {VOTES} votes each that lean alike (uniform), {TIES:.0%} ties, "
        f"look after every vote, τ = {TAU:g}",
        votes,
        (Target("fired", "always_valid on preference_effect_of_sums", at_most=0.05),),
        block=100,
    ),
)
