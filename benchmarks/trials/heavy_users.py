"""Ratios where few users send most of the requests: looked at 28 times, without and with the cap."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.trials import running
from benchmarks.trials.mixture import Looks, agree
from benchmarks.trials.running import Sums
from benchmarks.trials.trial import Floats, Measures, Target, Trial
from fairtrial.stats.arms.ratios_and_quantiles import ratio_difference
from fairtrial.stats.sums import capped_requests

LOOKS, USERS, MOST = 28, 3_000, 4_000
TAU, MEAN, KINSHIP, CAP = 0.05, 0.6, 0.3, 50.0
Arm = tuple[Floats, Floats]
"""Numerator and denominator of each user: (paths, users)."""
Draw = Callable[[Generator, tuple[int, int], bool, float], Arm]
"""Draws one arm of that shape: whether it is the treatment, and how much higher its ratio is."""


def ends(least: int, most: int) -> Floats:
    """The users of an arm at each look: as many looks among few users as among many."""
    return np.unique(np.geomspace(least, most, LOOKS).astype(int)).astype(np.float64)


def thumbs(rng: Generator, sent: Floats, mean: float) -> Arm:
    """Users with individual rates."""
    strength = 1 / KINSHIP - 1
    rate = rng.beta(mean * strength, (1 - mean) * strength, sent.shape)
    return rng.binomial(sent.astype(np.int64), rate).astype(np.float64), sent


def bots(rng: Generator, shape: tuple[int, int], _treated: bool, more: float) -> Arm:
    up, sent = thumbs(rng, np.ones(shape), MEAN + more)
    bot, liked = rng.random(shape) < 0.002, rng.random(shape) < MEAN
    return np.where(bot, 500.0 * liked, up), np.where(bot, 500.0, sent)


def pareto(rng: Generator, shape: tuple[int, int], _treated: bool, more: float) -> Arm:
    return thumbs(rng, np.minimum(np.ceil(rng.pareto(1.1, shape) + 1e-9), 1e6), MEAN + more)


def lognormal(rng: Generator, shape: tuple[int, int], _treated: bool, more: float) -> Arm:
    return thumbs(rng, np.ceil(np.exp(2 * rng.standard_normal(shape))), MEAN + more)


def ordinary(rng: Generator, shape: tuple[int, int], _treated: bool, more: float) -> Arm:
    return thumbs(rng, 1.0 + rng.poisson(7 * np.exp(rng.standard_normal(shape) - 0.5)), MEAN + more)


def one_arm(rng: Generator, shape: tuple[int, int], treated: bool, more: float) -> Arm:
    """One request a user, and in the treatment bots of 50 that are never up: its other users are up more often."""
    share = 0.005 if treated else 0.0
    bot = rng.random(shape) < share
    others = MEAN * (50 * share + 1 - share) / (1 - share)
    up = rng.random(shape) < others + more
    return np.where(bot, 0.0, up), np.where(bot, 50.0, 1.0)


def looked_at(rng: Generator, paths: int, *, draw: Draw, least: tuple[int, int], more: float) -> Measures:
    """What fires at any look: the rule before, the cap and thirty equal users alone, and the rule now."""
    at = [ends(one, one * USERS // max(least)) for one in least]
    arms = [draw(rng, (paths, int(stop[-1])), arm, more * arm) for arm, stop in enumerate(at)]
    before = [Sums.at(stop, *arm) for stop, arm in zip(at, arms, strict=True)]
    cut = [(x * np.minimum(1, CAP / y), np.minimum(y, CAP)) for x, y in arms]
    now = [Sums.at(stop, *arm) for stop, arm in zip(at, cut, strict=True)]
    looks, old = running.ratios(*now, CAP), running.ratios(*before, None)
    seen = running.ratios(*now, None)
    alone = Looks(seen.value, seen.variance, seen.ready & looks.ready)
    for spot in ((0, len(at[0]) - 1), (1 % paths, int(rng.integers(len(at[0]))))):
        path, stop = spot[0], [int(one[spot[1]]) for one in at]
        sums = (capped_requests(x[path, :n], y[path, :n], cap=CAP) for (x, y), n in zip(arms, stop, strict=True))
        agree(looks, spot, ratio_difference(*sums, cap=CAP), tau=TAU)
    below = looks.mirrored()
    fires = {
        "before": old.excluded(tau=TAU),
        "alone": alone.excluded(tau=TAU),
        "two": looks.excluded(tau=TAU),
        "above": looks.above(tau=TAU),
        "below": below.above(tau=TAU),
        "old not worse": old.above(tau=TAU, null=-TAU),
        "not worse": looks.above(tau=TAU, null=-TAU),
    }
    return {name: np.asarray(each.any(axis=1)) for name, each in fires.items()}


def a_a(name: str, draw: Draw, words: str, least: tuple[int, int] = (28, 28)) -> Trial:
    """No difference, or none in the capped ratio."""
    larger = "" if least[0] == least[1] else f"; {least[0]} users of control for {least[1]} of treatment"
    return Trial(
        f"heavy-{name}",
        "A/A: a ratio where few users send most of the requests",
        f"{words}; {LOOKS} looks from {min(least)} users an arm to {USERS:,}{larger}, τ = {TAU:g}",
        partial(looked_at, draw=draw, least=least, more=0.0),
        (
            Target("before", "always_valid on all requests, before"),
            Target("alone", f"the first {CAP:g} requests and 30 equal users alone"),
            Target("two", f"always_valid on ratio_difference, cap {CAP:g}", at_most=0.05),
            Target("above", "at_least above 0", at_most=0.05),
            Target("below", "at_most below 0", at_most=0.05),
        ),
        block=50,
        most=MOST,
    )


def power(name: str, draw: Draw, words: str) -> tuple[Trial, Trial]:
    """Half the margin worse, and better by twice the effect that the trial is planned for."""
    data = f"{words}; {LOOKS} looks to {USERS:,} users an arm, τ = {TAU:g}"
    half, twice = partial(looked_at, draw=draw, least=(28, 28)), partial(looked_at, draw=draw, least=(28, 28))
    return (
        Trial(
            f"heavy-power-{name}-half",
            f"Worse by half the margin of {TAU:g}: called not worse",
            data,
            partial(half, more=-TAU / 2),
            (Target("old not worse", "before"), Target("not worse", f"ratio_difference, cap {CAP:g}")),
            block=50,
            most=MOST // 4,
        ),
        Trial(
            f"heavy-power-{name}-twice",
            f"Better by {2 * TAU:g}: found",
            data,
            partial(twice, more=2 * TAU),
            (Target("before", "before"), Target("two", f"ratio_difference, cap {CAP:g}")),
            block=50,
            most=MOST // 4,
        ),
    )


THUMBS = f"thumbs Beta-binomial, mean {MEAN:.0%}, intraclass correlation {KINSHIP:g}"
ORDINARY = f"{THUMBS}, lognormal(σ = 1)-Poisson requests a user, 8 on average"
BOTS = (
    f"one request a user, {MEAN:.0%} up; 0.2 % bots with 500 requests, of which {MEAN:.0%} have all of them up and the "
    "others none"
)
ONE_ARM = "one request a user; in one arm 0.5 % bots with 50 requests, none up; ratios are equal"

TRIALS = (
    a_a("bots", bots, BOTS),
    a_a("bots-90/10", bots, BOTS, (252, 28)),
    a_a("pareto", pareto, f"{THUMBS}, Pareto(1.1) requests a user"),
    a_a("pareto-90/10", pareto, f"{THUMBS}, Pareto(1.1) requests a user", (252, 28)),
    a_a("lognormal", lognormal, f"{THUMBS}, lognormal(σ = 2) requests a user"),
    a_a("one-arm", one_arm, ONE_ARM),
    a_a("one-arm-90/10", one_arm, ONE_ARM, (252, 28)),
    *power("ordinary", ordinary, ORDINARY),
    *power("bots", bots, BOTS),
)
