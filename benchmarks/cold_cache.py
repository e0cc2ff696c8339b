"""Equal variants behind a prefix cache of five minutes: how often their costs and latencies are called different.

``python benchmarks/cold_cache.py [--trials N]`` simulates a week of traffic. A request costs less if its variant had
another one in the last five minutes, because the beginning of its prompt is then in the cache. The table has the share
of trials in which the costs of two equal variants differ by a 95 % interval for one look at the end of the week,
without the rule that leaves them undecided, and by the interval of `fairtrial cost` with it. It has the same of the
p95 of latency, which grows with the tokens that no cache has read. It also has a tuned variant whose prompt is
shorter, at an even split, and equal variants with heavy tails, one in twenty costs of which is unknown, at 28 looks.
Ends with 1 if a row with the rule is beyond 5 % and two standard errors. 200 trials take a minute.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path[0] = str(Path(__file__).parent.parent)

from fairtrial.domain.estimates import NotEnough  # noqa: E402
from fairtrial.experiments.analysis.break_even import interval_at_any_time  # noqa: E402
from fairtrial.experiments.analysis.costs import has_cold_cache  # noqa: E402
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums, quantile_difference, ratio_difference  # noqa: E402
from fairtrial.stats.effects import Effect, fixed  # noqa: E402
from fairtrial.stats.sums import JointMoments  # noqa: E402

HOURS, CACHE_SECONDS, LEVEL = 168, 300.0, 0.05
PREFIX, SHORT_PREFIX = 800, 200
INPUT, CACHED, OUTPUT = 2e-6, 0.5e-6, 8e-6
MISSED_SECONDS, ANSWER_SECONDS = 0.0002, 0.02
"""For each token of a prompt that no cache has read, and for each token of an answer."""
LOOKS, UNKNOWN = 28, 0.05
Floats = NDArray[np.float64]
HOURLY = (3, 30, 120, 240, 360, 600)
"""Requests an hour in both variants."""


@dataclass(frozen=True, slots=True)
class Arm:
    sums: JointMoments
    requests: int
    cached_share: float
    latency: QuantileSums

    @property
    def cost(self) -> float:
        return self.sums.x / self.sums.y


def arm(random: np.random.Generator, requests: int, prefix: int) -> Arm:
    """The costs of a variant's users in a week; each user sends five requests on average."""
    at = np.sort(random.uniform(0, HOURS * 3600, requests))
    warm = np.diff(at, prepend=-np.inf) < CACHE_SECONDS
    question, answer = random.lognormal(5, 0.7, requests), random.lognormal(5, 0.8, requests)
    cost = INPUT * (question + prefix * ~warm) + CACHED * prefix * warm + OUTPUT * answer
    users = random.integers(0, max(2, requests // 5), requests)
    seconds = MISSED_SECONDS * (question + prefix * ~warm) + ANSWER_SECONDS * answer
    cached_share = float((prefix * warm).sum() / (question + prefix).sum())
    latency = QuantileSums.of(seconds, [str(user) for user in users], 0.95)
    return Arm(by_user(cost, users), requests, cached_share, latency)


def by_user(cost: Floats, users: NDArray[np.int64], known: NDArray[np.bool_] | None = None) -> JointMoments:
    """The sums of the costs and the requests of each user; those whose cost is not ``known`` are not counted."""
    x, y = np.bincount(users, cost), np.bincount(users, known)
    return JointMoments.of(x[y > 0], y[y > 0])


def differ(effect: Effect | NotEnough) -> bool:
    """Whether the interval for one look excludes 0."""
    estimate = fixed(effect)
    return not isinstance(estimate, NotEnough) and not estimate.low <= 0 <= estimate.high


def cost_effect(control: JointMoments, treatment: JointMoments) -> Effect | NotEnough:
    return ratio_difference(control, treatment, cap=None, within=None)


def differ_at_any_time(control: JointMoments, treatment: JointMoments) -> bool:
    """Whether the interval of `fairtrial cost` excludes 0."""
    found = interval_at_any_time(cost_effect(control, treatment), control, treatment)
    return found is not None and not (found.low or 0) <= 0 <= (found.high or 0)


def trial(random: np.random.Generator, hourly: int, share: float, prefix: int = PREFIX) -> tuple[Arm, Arm, bool]:
    """The control, the treatment with this share of the traffic, and whether the rule leaves them undecided."""
    number = random.poisson(hourly * HOURS)
    treated = max(4, random.binomial(number, share))
    control, treatment = arm(random, max(4, number - treated), PREFIX), arm(random, treated, prefix)
    cold = has_cold_cache([(each.requests, each.cached_share) for each in (control, treatment)])
    return control, treatment, cold


def limit_of(trials: int) -> float:
    return LEVEL + 2 * (LEVEL * (1 - LEVEL) / trials) ** 0.5


def row(hourly: int, share: float, trials: int) -> bool:
    """Print a row of equal variants; false if it is beyond the limit."""
    random = np.random.default_rng(hourly)
    counts = np.zeros(5)
    for _ in range(trials):
        control, treatment, cold = trial(random, hourly, share)
        slower = differ(quantile_difference(control.latency, treatment.latency))
        dearer = differ_at_any_time(control.sums, treatment.sums)
        once = differ(cost_effect(control.sums, treatment.sums))
        counts += [once, dearer and not cold, slower, slower and not cold, cold]
    shares = counts / trials
    within = max(shares[1], shares[3]) <= limit_of(trials)
    print(f"{hourly:6} {share:7.0%} " + " ".join(f"{each:9.1%}" for each in shares) + ("" if within else "  missed"))
    return bool(within)


def looks(trials: int) -> bool:
    """Print how often equal variants with heavy tails are called different at any of 28 looks, and the limit."""
    random = np.random.default_rng(2)
    once = ever = 0
    for _ in range(trials):
        arms = []
        for _ in range(2):
            cost = random.lognormal(0, 1.6, LOOKS * 150)
            known = random.random(len(cost)) > UNKNOWN
            arms.append((cost, known, random.integers(0, len(cost) // 5, len(cost))))
        seen = [
            [by_user((cost * known)[:n], users[:n], known[:n]) for cost, known, users in arms]
            for n in range(150, LOOKS * 150 + 1, 150)
        ]
        once += any(differ(cost_effect(*pair)) for pair in seen)
        ever += any(differ_at_any_time(*pair) for pair in seen)
    within = ever / trials <= limit_of(trials)
    print(f"heavy tails, {LOOKS} looks: {once / trials:.1%} by intervals for one look, {ever / trials:.1%} by those of")
    print(f"`fairtrial cost`; the limit is {limit_of(trials):.1%}{'' if within else '  missed'}")
    return within


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    trials = parser.parse_args().trials
    print("requests  share      cost  with rule     p95  with rule  undecided")
    rows = [row(hourly, share, trials) for share in (0.1, 0.5) for hourly in HOURLY]
    random = np.random.default_rng(1)
    pairs = [trial(random, 120, 0.5, SHORT_PREFIX)[:2] for _ in range(trials)]
    found = np.mean(
        [
            treatment.cost < control.cost and differ_at_any_time(control.sums, treatment.sums)
            for control, treatment in pairs
        ]
    )
    print(f"a prompt that is {PREFIX - SHORT_PREFIX} tokens shorter, at an even split: found in {found:.0%}")
    rows.append(looks(10 * trials))
    return 0 if all(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
