"""Two arms with one heavy-tailed mean, looked at after every user: Welch, CUPED, winsorised."""

from __future__ import annotations

from functools import partial
from math import exp, log

import numpy as np
from numpy.random import Generator
from scipy.special import ndtr

from benchmarks.trials import running
from benchmarks.trials.mixture import Looks, agree
from benchmarks.trials.running import Sums
from benchmarks.trials.trial import Bools, Floats, Measures, Target, Trial
from fairtrial.stats.arms.cuped import cuped_difference
from fairtrial.stats.arms.lift import log_ratio
from fairtrial.stats.arms.means import mean, mean_difference

SIGMA, KINSHIP = 1.5, 0.7
TAU, WIDE = 0.1, 0.3
"""Of the mean, which is 1: the smallest effect that the experiment is planned for, and a careless choice."""
HORIZON, CHUNK = 20_000, 400


def no_difference(rng: Generator, paths: int, *, share: float, sigmas: tuple[float, float]) -> Measures:
    """Whether each rule ever excludes the truth."""
    names = ("welch", "above", "below", "wide", "lift", "cuped", "winsorised")
    fired = {name: np.zeros(paths, dtype=bool) for name in names}
    nothing = np.zeros((paths, 1), dtype=bool), np.zeros((paths, 1))
    joint, capped = [Sums.of(*nothing, nothing[1])] * 2, [Sums.of(*nothing)] * 2
    limit = highest(max(sigmas))
    shift = capped_mean(sigmas[1], limit) - capped_mean(sigmas[0], limit)
    for _ in range(HORIZON // CHUNK):
        arms, cost, history = users(rng, paths, share, sigmas)
        joint = [Sums.of(arm, cost, history, before=past) for arm, past in zip(arms, joint, strict=True)]
        cut = np.minimum(cost, limit)
        capped = [Sums.of(arm, cut, before=past) for arm, past in zip(arms, capped, strict=True)]
        plain, cuped, winsorised = running.welch(*joint), running.cuped(*joint), running.welch(*capped)
        lift = running.lift(*joint)
        fires = {
            "welch": plain.excluded(tau=TAU),
            "above": plain.above(tau=TAU),
            "below": Looks(-plain.value, plain.variance, plain.ready).above(tau=TAU),
            "wide": plain.excluded(tau=WIDE),
            "lift": lift.excluded(tau=TAU),
            "cuped": cuped.excluded(tau=TAU),
            "winsorised": winsorised.excluded(tau=TAU, null=shift),
        }
        for name, each in fires.items():
            fired[name] |= each.any(axis=1)
        for at in ((0, CHUNK - 1), (1 % paths, int(rng.integers(CHUNK)))):
            agree(plain, at, mean_difference(*(arm.single(at) for arm in joint)), tau=TAU)
            agree(lift, at, log_ratio(*(mean(arm.single(at)) for arm in joint)), tau=TAU)
            agree(cuped, at, cuped_difference(*(arm.joint(at) for arm in joint)), tau=TAU)
            agree(winsorised, at, mean_difference(*(arm.single(at) for arm in capped)), tau=TAU)
    return fired


def users(
    rng: Generator, paths: int, share: float, sigmas: tuple[float, float]
) -> tuple[tuple[Bools, Bools], Floats, Floats]:
    """The next users: which arm, what they cost, and what they did before."""
    treated = rng.random((paths, CHUNK), dtype=np.float32) < share
    now, before = rng.standard_normal((2, paths, CHUNK))
    sigma = np.where(treated, sigmas[1], sigmas[0])
    cost = np.exp(sigma * now - sigma * sigma / 2)
    history = np.exp(SIGMA * (KINSHIP * now + (1 - KINSHIP**2) ** 0.5 * before) - SIGMA**2 / 2)
    return (np.logical_not(treated), treated), np.asarray(cost), np.asarray(history)


def highest(sigma: float) -> float:
    """The 99.9 % quantile, known from history."""
    return exp(3.090232306167813 * sigma - sigma**2 / 2)


def capped_mean(sigma: float, limit: float) -> float:
    """The mean of min(X, limit) for X lognormal with mean 1."""
    z = (log(limit) + sigma**2 / 2) / sigma
    return float(ndtr(z - sigma) + limit * ndtr(-z))


def a_a(share: float) -> Trial:
    treated = round(100 * share)
    return Trial(
        f"means-{100 - treated}/{treated}",
        "A/A: a mean, one value a user",
        f"lognormal(σ = {SIGMA:g}), history correlated {KINSHIP:g} on the log scale, split {100 - treated}/{treated}, "
        f"look after each of {HORIZON:,} users, τ = {TAU:.0%} of the mean",
        partial(no_difference, share=share, sigmas=(SIGMA, SIGMA)),
        (
            Target("welch", "always_valid on mean_difference", at_most=0.05),
            Target("above", "at_least above 0", at_most=0.05),
            Target("below", "at_most below 0", at_most=0.05),
            Target("wide", f"always_valid, τ = {WIDE:.0%}", at_most=0.05),
            Target("lift", "always_valid on log_ratio", at_most=0.05),
            Target("cuped", "always_valid on cuped_difference", at_most=0.05),
            Target("winsorised", "always_valid, winsorised at 99.9 %", at_most=0.05),
        ),
        block=100,
    )


TRIALS = (
    a_a(0.5),
    a_a(0.1),
    Trial(
        "means-other-tail",
        "One mean, but another tail: the limit of what is promised",
        f"lognormal(σ = 1) against lognormal(σ = {SIGMA:g}) with the same mean, split 50/50, the rest as above",
        partial(no_difference, share=0.5, sigmas=(1.0, SIGMA)),
        (
            Target("welch", "always_valid on mean_difference"),
            Target("above", "at_least above 0"),
            Target("below", "at_most below 0"),
            Target("winsorised", "always_valid, winsorised at 99.9 %, excludes that difference"),
        ),
        block=100,
    ),
)
