"""A suite that grows after each look, and ratings in whole marks: watched all the time, does anything fire?"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.trials.mixture import Looks, agree
from benchmarks.trials.trial import Measures, Target, Trial
from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.ordinal import superiority
from fairtrial.stats.paired.clustered import clustered_effect

CASES, DISCORDANT, MARGIN = 1_000, 0.2, 0.05
USERS, EVERY, SHARES, TAU = 4_000, 20, (0.05, 0.05, 0.1, 0.3, 0.5), 0.05


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


def ratings(rng: Generator, paths: int, *, share: float) -> Measures:
    """One rating a user, five marks, nearly all of them high; a look after every twenty users."""
    fired = np.zeros(paths, dtype=bool)
    for path in range(paths):
        mark = rng.choice(len(SHARES), USERS, p=SHARES)
        treated = rng.random(USERS) < share
        given = np.eye(len(SHARES))[mark]
        arms = [np.cumsum(given * (treated == arm)[:, np.newaxis], axis=0) for arm in (False, True)]
        for look in range(EVERY - 1, USERS, EVERY):
            interval = always_valid(superiority(*(arm[look].astype(int).tolist() for arm in arms)), tau=TAU)
            if not isinstance(interval, NotEnough) and not interval.low <= 0.5 <= interval.high:
                fired[path] = True
                break
    return {"fired": fired}


def rated(share: float) -> Trial:
    treated = round(100 * share)
    return Trial(
        f"ratings-{100 - treated}/{treated}",
        "A/A: ratings from 1 to 5",
        f"marks with chances {', '.join(f'{each:g}' for each in SHARES)}, split {100 - treated}/{treated}, "
        f"look after every {EVERY} of {USERS:,} users, τ = {TAU:g}",
        partial(ratings, share=share),
        (Target("fired", "always_valid on superiority excludes ½", at_most=0.05),),
        block=50,
    )


TRIALS = (
    rated(0.5),
    rated(0.1),
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
