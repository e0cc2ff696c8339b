"""The p95 of latency by user, looked at twenty times: no false alarm, and a slower arm is found."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.trials.mixture import excludes
from benchmarks.trials.trial import Floats, Measures, Target, Trial
from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums, quantile_difference, quantile_ranks
from fairtrial.stats.sums import JointMoments

NU, LOOKS, REQUESTS, USERS = 0.95, 20, 12_000, 4_000
BETWEEN, WITHIN, FAILING = 0.3, 0.5, 0.005
P95 = float(np.exp(1.6448536269514722 * (BETWEEN**2 + WITHIN**2) ** 0.5))
TAU = 0.1 * P95
"""A tenth of control's p95 as history knows it."""
Whole = NDArray[np.int64]


def requests(rng: Generator, slower: float) -> tuple[Floats, Whole]:
    """The latencies of one arm in the order of time, +inf for a failure, and whose: users come, and keep sending."""
    come = USERS * np.arange(1, REQUESTS + 1) / REQUESTS
    user = (come * rng.random(REQUESTS)).astype(np.int64)
    own = BETWEEN * rng.standard_normal(USERS)
    found = slower * np.exp(own[user] + WITHIN * rng.standard_normal(REQUESTS))
    return np.where(rng.random(REQUESTS) < FAILING, np.inf, found), user


def sums(values: Floats, user: Whole) -> tuple[QuantileSums, QuantileSums]:
    """What `QuantileSums.of` gives, by user and with each request as a user of its own."""
    n = len(values)
    ranks = np.array(quantile_ranks(n, NU)) - 1
    lower, value, upper = (float(at) for at in np.partition(values, ranks)[ranks])
    below = values <= value
    x, y = np.bincount(user, weights=below), np.bincount(user)
    sent = y > 0
    x, y = x[sent], y[sent].astype(np.float64)
    users = JointMoments(len(y), float(x.sum()), float(n), float(x @ x), float(y @ y), float(x @ y))
    k = float(np.count_nonzero(below))
    alone = JointMoments(n=n, x=k, y=float(n), xx=k, yy=float(n), xy=k)
    return QuantileSums(NU, value, lower, upper, users), QuantileSums(NU, value, lower, upper, alone)


def watched(rng: Generator, paths: int, *, slower: float) -> Measures:
    """Whether, and after how many users an arm, the p95 by user is found to differ; and what peeking would do."""
    found, naive, stop = np.zeros(paths), np.zeros(paths), np.full(paths, float(USERS))
    for path in range(paths):
        arms = requests(rng, 1.0), requests(rng, slower)
        for look in range(1, LOOKS + 1):
            n = REQUESTS * look // LOOKS
            by_user, alone = zip(*(sums(values[:n], user[:n]) for values, user in arms), strict=True)
            if path == 0 and look in (1, LOOKS):
                names = [[str(one) for one in user[:n]] for _, user in arms]
                known = [QuantileSums.of(arm[0][:n], who, NU) for arm, who in zip(arms, names, strict=True)]
                assert known == list(by_user), f"{known} by the library, {by_user} here"
            interval = always_valid(quantile_difference(*by_user), tau=TAU)
            if not found[path] and not isinstance(interval, NotEnough) and not interval.low <= 0 <= interval.high:
                found[path], stop[path] = 1, USERS * look // LOOKS
            naive[path] = naive[path] or excludes(quantile_difference(*alone))
            if found[path] and naive[path]:
                break
    return {"found": found, "naive": naive, "stop": stop}


DATA = (
    f"lognormal latency, σ = {BETWEEN:g} between and {WITHIN:g} within users, {FAILING:.1%} failures at +∞; "
    f"{USERS:,} users an arm come over time and keep sending, 3 requests on average, {LOOKS} looks, "
    "τ = 10 % of the p95 of history"
)
RULE = "always_valid on quantile_difference"
NAIVE = "fixed at every look, requests as units"

TRIALS = (
    Trial(
        "p95-a/a",
        "A/A: p95 of latency",
        DATA,
        partial(watched, slower=1.0),
        (Target("found", RULE, at_most=0.02), Target("naive", NAIVE)),
        block=50,
    ),
    Trial(
        "p95-a/b",
        "A/B: p95 of latency 15 % up",
        DATA,
        partial(watched, slower=1.15),
        (
            Target("found", f"{RULE}: found", at_least=0.97),
            Target("stop", f"{RULE}: mean users an arm at the stop", unit=""),
        ),
        block=50,
    ),
)
