"""A suite that grows after each look: watched all the time, does anything fire?"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.trials.mixture import Looks, agree
from benchmarks.trials.trial import Measures, Target, Trial
from fairtrial.stats.paired.clustered import clustered_effect

CASES, DISCORDANT, MARGIN = 1_000, 0.2, 0.05


def suite(rng: Generator, paths: int, *, worse: float) -> Measures:
    """Cases are added one by one; the truth is that the candidate passes ``worse`` fewer of them."""
    draw = rng.random((paths, CASES))
    won, lost = (DISCORDANT - worse) / 2, (DISCORDANT + worse) / 2
    values = np.where(draw < won, 1.0, np.where(draw < won + lost, -1.0, 0.0))
    n = np.arange(1.0, CASES + 1)
    wins, losses = np.cumsum(values > 0, axis=1), np.cumsum(values < 0, axis=1)
    mean = (wins - losses) / n
    variance = (wins + losses - n * mean * mean) / np.maximum(n - 1, 1) / n
    unlike = n - np.maximum(np.maximum(wins, losses), n - wins - losses)
    looks = Looks(mean, variance, np.broadcast_to(n >= 30, mean.shape) & (unlike >= 10))
    for path, look in ((0, CASES - 1), (1 % paths, int(rng.integers(2, CASES)))):
        agree(looks, (path, look), clustered_effect(values[path, : look + 1]), tau=MARGIN)
    fires = {
        "excluded": looks.excluded(tau=MARGIN, null=-worse),
        "not worse": looks.above(tau=MARGIN, null=-worse),
    }
    return {name: np.asarray(each.any(axis=1)) for name, each in fires.items()}


TRIALS = (
    Trial(
        "suite-equal",
        "A/A: a suite that grows case by case",
        f"paired 0/1, {DISCORDANT:.0%} discordant, no difference, look after each of {CASES:,} cases, τ = {MARGIN:g}",
        partial(suite, worse=0.0),
        (Target("excluded", "always_valid on clustered_effect", at_most=0.05),),
    ),
    Trial(
        "suite-worse",
        "A candidate worse by the margin, in a suite that grows",
        f"paired 0/1, {DISCORDANT:.0%} discordant, {MARGIN:.0%} worse, a look after each of {CASES:,} cases, "
        f"τ = {MARGIN:g}",
        partial(suite, worse=MARGIN),
        (Target("not worse", f"at_least above −{MARGIN:g}: called not worse", at_most=0.05),),
    ),
)
