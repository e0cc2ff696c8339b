"""Two arms with one heavy-tailed mean that is capped, looked at after every user: Welch and CUPED."""

from __future__ import annotations

from functools import partial
from math import exp, log

import numpy as np
from numpy.random import Generator
from scipy.special import ndtr

from benchmarks.trials import running
from benchmarks.trials.mixture import agree
from benchmarks.trials.running import Sums
from benchmarks.trials.trial import Bools, Floats, Measures, Target, Trial
from fairtrial.stats.arms.amounts import cuped_difference
from fairtrial.stats.arms.means import mean_difference

SIGMA, KINSHIP = 1.5, 0.7
TAU, WIDE = 0.1, 0.3
"""Of the mean, which is 1: the smallest effect that the experiment is planned for, and a careless choice."""
HORIZON, CHUNK = 20_000, 400


def no_difference(rng: Generator, paths: int, *, share: float, sigmas: tuple[float, float]) -> Measures:
    """Whether each rule ever excludes the truth."""
    names = ("uncapped", "welch", "above", "below", "wide", "cuped")
    fired = {name: np.zeros(paths, dtype=bool) for name in names}
    nothing = np.zeros((paths, 1), dtype=bool), np.zeros((paths, 1))
    joint, uncapped = [Sums.of(*nothing, nothing[1])] * 2, [Sums.of(*nothing)] * 2
    limit, past_limit = highest(max(sigmas)), highest(SIGMA)
    within, before = (0.0, limit), (0.0, past_limit)
    shift = capped_mean(sigmas[1], limit) - capped_mean(sigmas[0], limit)
    for _ in range(HORIZON // CHUNK):
        arms, cost, history = users(rng, paths, share, sigmas)
        uncapped = [Sums.of(arm, cost, before=past) for arm, past in zip(arms, uncapped, strict=True)]
        cut, past_cut = np.minimum(cost, limit), np.minimum(history, past_limit)
        joint = [Sums.of(arm, cut, past_cut, before=past) for arm, past in zip(arms, joint, strict=True)]
        plain, cuped = running.welch(*joint, within), running.cuped(*joint, within, before)
        fires = {
            "uncapped": running.welch(*uncapped).excluded(tau=TAU),
            "welch": plain.excluded(tau=TAU, null=shift),
            "above": plain.above(tau=TAU, null=shift),
            "below": plain.mirrored().above(tau=TAU, null=-shift),
            "wide": plain.excluded(tau=WIDE, null=shift),
            "cuped": cuped.excluded(tau=TAU, null=shift),
        }
        for name, each in fires.items():
            fired[name] |= each.any(axis=1)
        for at in ((0, CHUNK - 1), (1 % paths, int(rng.integers(CHUNK)))):
            agree(plain, at, mean_difference(*(arm.single(at) for arm in joint), within=within), tau=TAU)
            known = cuped_difference(*(arm.joint(at) for arm in joint), within=within, before=before)
            agree(cuped, at, known, tau=TAU)
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
        "A/A: a mean, one value a user, capped",
        f"lognormal(σ = {SIGMA:g}) capped at the 99.9 % quantile of history, the past correlated {KINSHIP:g} on the "
        f"log scale, split {100 - treated}/{treated}, look after each of {HORIZON:,} users, τ = {TAU:.0%} of the mean",
        partial(no_difference, share=share, sigmas=(SIGMA, SIGMA)),
        (
            Target("uncapped", "always_valid without a cap"),
            Target("welch", "always_valid on mean_difference", at_most=0.05),
            Target("above", "at_least above 0", at_most=0.05),
            Target("below", "at_most below 0", at_most=0.05),
            Target("wide", f"always_valid, τ = {WIDE:.0%}", at_most=0.05),
            Target("cuped", "always_valid on cuped_difference", at_most=0.05),
        ),
        block=100,
    )


TRIALS = (
    a_a(0.5),
    a_a(0.1),
    Trial(
        "means-other-tail",
        "One capped mean, but another tail",
        f"lognormal(σ = 1) against lognormal(σ = {SIGMA:g}) with the same mean, split 50/50, the rest as above",
        partial(no_difference, share=0.5, sigmas=(1.0, SIGMA)),
        (
            Target("uncapped", "always_valid without a cap excludes 0"),
            Target("welch", "always_valid on mean_difference excludes the true difference", at_most=0.05),
            Target("above", "at_least above it", at_most=0.05),
            Target("below", "at_most below it", at_most=0.05),
        ),
        block=100,
    ),
)
