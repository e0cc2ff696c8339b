"""Equal variants behind a prefix cache of five minutes: how often their costs are called different.

``python benchmarks/cold_cache.py [--trials N]`` simulates a week of traffic. A request costs less if its variant had
another one in the last five minutes, because the beginning of its prompt is then in the cache. The table has the share
of trials in which the costs of two equal variants differ by a 95 % interval at the end of the week, without and with
the rule that leaves them undecided. It also has a tuned variant whose prompt is shorter, at an even split. Ends with 1
if a row with the rule is beyond 5 % and two standard errors. 200 trials take half a minute.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path[0] = str(Path(__file__).parent.parent)

from fairtrial.domain.estimates import NotEnough  # noqa: E402
from fairtrial.experiments.analysis.costs import has_cold_cache  # noqa: E402
from fairtrial.stats.arms.ratios_and_quantiles import ratio_difference  # noqa: E402
from fairtrial.stats.effects import fixed  # noqa: E402
from fairtrial.stats.sums import JointMoments  # noqa: E402

HOURS, CACHE_SECONDS, LEVEL = 168, 300.0, 0.05
PREFIX, SHORT_PREFIX = 800, 200
INPUT, CACHED, OUTPUT = 2e-6, 0.5e-6, 8e-6
HOURLY = (3, 30, 120, 240, 360, 600)
"""Requests an hour in both variants."""


@dataclass(frozen=True, slots=True)
class Arm:
    sums: JointMoments
    requests: int
    cached_share: float

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
    x, y = np.bincount(users, cost), np.bincount(users)
    return Arm(JointMoments.of(x[y > 0], y[y > 0]), requests, float((prefix * warm).sum() / (question + prefix).sum()))


def differ(control: Arm, treatment: Arm) -> bool:
    estimate = fixed(ratio_difference(control.sums, treatment.sums, cap=None, within=None))
    return not isinstance(estimate, NotEnough) and not estimate.low <= 0 <= estimate.high


def trial(random: np.random.Generator, hourly: int, share: float, prefix: int = PREFIX) -> tuple[Arm, Arm, bool]:
    """The control, the treatment with this share of the traffic, and whether the rule leaves them undecided."""
    number = random.poisson(hourly * HOURS)
    treated = max(4, random.binomial(number, share))
    control, treatment = arm(random, max(4, number - treated), PREFIX), arm(random, treated, prefix)
    cold = has_cold_cache([(each.requests, each.cached_share) for each in (control, treatment)])
    return control, treatment, cold


def row(hourly: int, share: float, trials: int) -> bool:
    """Print a row of equal variants; false if it is beyond the limit."""
    random = np.random.default_rng(hourly)
    before = after = undecided = 0
    for _ in range(trials):
        control, treatment, cold = trial(random, hourly, share)
        different = differ(control, treatment)
        before, after, undecided = before + different, after + (different and not cold), undecided + cold
    limit = LEVEL + 2 * (LEVEL * (1 - LEVEL) / trials) ** 0.5
    within = after / trials <= limit
    words = "" if within else "  missed"
    print(f"{hourly:6} {share:7.0%} {before / trials:9.1%} {after / trials:9.1%} {undecided / trials:9.1%}{words}")
    return within


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    trials = parser.parse_args().trials
    print("requests  share  without  with rule  undecided")
    rows = [row(hourly, share, trials) for share in (0.1, 0.5) for hourly in HOURLY]
    random = np.random.default_rng(1)
    pairs = [trial(random, 120, 0.5, SHORT_PREFIX)[:2] for _ in range(trials)]
    found = np.mean([treatment.cost < control.cost and differ(control, treatment) for control, treatment in pairs])
    print(f"a prompt that is {PREFIX - SHORT_PREFIX} tokens shorter, at an even split: found in {found:.0%}")
    return 0 if all(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
