"""Two arms without a difference in a heavy-tailed mean, looked at after every user: Welch, CUPED, winsorised."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.trials import running
from benchmarks.trials.mixture import Looks, agree
from benchmarks.trials.running import Sums
from benchmarks.trials.trial import Measures, Target, Trial
from fairtrial.stats.cuped import cuped_difference
from fairtrial.stats.means import mean_difference

SIGMA, KINSHIP = 1.5, 0.7
MEAN = float(np.exp(SIGMA**2 / 2))
TAU = 0.1 * MEAN
LIMIT = float(np.exp(SIGMA * 3.090232306167813))
"""The 99.9 % quantile, known from history."""
HORIZON, CHUNK = 20_000, 400


def no_difference(rng: Generator, paths: int, *, share: float) -> Measures:
    """Whether each rule ever fires."""
    fired = {name: np.zeros(paths, dtype=bool) for name in ("welch", "above", "below", "cuped", "winsorised")}
    nothing = np.zeros((paths, 1), dtype=bool), np.zeros((paths, 1))
    joint = [Sums.of(*nothing, nothing[1])] * 2
    capped = [Sums.of(*nothing)] * 2
    for _ in range(HORIZON // CHUNK):
        now, before = rng.standard_normal((2, paths, CHUNK))
        cost = np.exp(SIGMA * now)
        history = np.exp(SIGMA * (KINSHIP * now + (1 - KINSHIP**2) ** 0.5 * before))
        treated = rng.random((paths, CHUNK), dtype=np.float32) < share
        arms = (~treated, treated)
        joint = [Sums.of(arm, cost, history, before=past) for arm, past in zip(arms, joint, strict=True)]
        cut = np.minimum(cost, LIMIT)
        capped = [Sums.of(arm, cut, before=past) for arm, past in zip(arms, capped, strict=True)]
        looks = {"welch": running.welch(*joint), "cuped": running.cuped(*joint), "winsorised": running.welch(*capped)}
        for name, each in looks.items():
            fired[name] |= each.excluded(tau=TAU).any(axis=1)
        plain = looks["welch"]
        fired["above"] |= plain.above(tau=TAU).any(axis=1)
        fired["below"] |= Looks(-plain.value, plain.variance, plain.ready).above(tau=TAU).any(axis=1)
        for at in ((0, CHUNK - 1), (1 % paths, int(rng.integers(CHUNK)))):
            agree(looks["welch"], at, mean_difference(*(arm.single(at) for arm in joint)), tau=TAU)
            agree(looks["cuped"], at, cuped_difference(*(arm.joint(at) for arm in joint)), tau=TAU)
            agree(looks["winsorised"], at, mean_difference(*(arm.single(at) for arm in capped)), tau=TAU)
    return fired


def a_a(share: float) -> Trial:
    treated = round(100 * share)
    return Trial(
        f"means-{100 - treated}/{treated}",
        "A/A: a mean, one value a user",
        f"lognormal(σ = {SIGMA:g}), history correlated {KINSHIP:g} on the log scale, split {100 - treated}/{treated}, "
        f"look after each of {HORIZON:,} users, τ = 10 % of the mean",
        partial(no_difference, share=share),
        (
            Target("welch", "always_valid on mean_difference", at_most=0.05),
            Target("above", "at_least above 0", at_most=0.05),
            Target("below", "at_most below 0", at_most=0.05),
            Target("cuped", "always_valid on cuped_difference", at_most=0.05),
            Target("winsorised", "always_valid, winsorised at 99.9 %", at_most=0.05),
        ),
        block=100,
    )


TRIALS = (a_a(0.5), a_a(0.1))
