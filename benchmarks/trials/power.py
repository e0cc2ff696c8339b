"""What always-valid looks cost and buy beside the alternatives: power, stopping time and coverage of one plan."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import sqrt

import numpy as np
from numpy.random import Generator

from benchmarks.trials.mixture import agree, excludes
from benchmarks.trials.rates import Counts
from benchmarks.trials.trial import Bools, Floats, Measures, Target, Trial
from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.means import rate_difference
from fairtrial.stats.effects import monitorable
from fairtrial.stats.sequential.group_sequential import obrien_fleming

BASE, MDE, PLANNED = 0.10, 0.01, 14_775
EVERY = 25
LOOKS = 4 * PLANNED // EVERY
ONE, TWO = round(PLANNED / EVERY), round(2 * PLANNED / EVERY)
TENTHS = tuple(round(PLANNED * k / (10 * EVERY)) - 1 for k in range(1, 11))
CHUNK = 394
NEVER = LOOKS + 1


def pairs(rng: Generator, paths: int, effect: float) -> Iterator[tuple[int, Counts]]:
    """Users in equal arms, a look after every 25 in each, up to four times the plan."""
    seen = np.zeros((2, paths, 1))
    for start in range(0, LOOKS, CHUNK):
        size = min(CHUNK, LOOKS - start)
        now = (rng.binomial(EVERY, BASE + shift, (paths, size)) for shift in (0.0, effect))
        control, treatment = (before + np.cumsum(more, axis=1) for before, more in zip(seen, now, strict=True))
        seen = np.stack([control[:, -1:], treatment[:, -1:]])
        n = np.broadcast_to(EVERY * (start + np.arange(1.0, size + 1)), control.shape)
        yield start, Counts(n, control, n, treatment)


def one_plan(rng: Generator, paths: int, *, effect: float) -> Measures:
    """When each rule first fires, in looks, and whether the interval ever misses the truth."""
    stops = {name: np.full(paths, NEVER) for name in ("mixture", "naive", "planned")}
    missed, fixed = np.zeros(paths, dtype=bool), np.zeros(paths, dtype=bool)
    for start, counts in pairs(rng, paths, effect):
        looks = counts.looks()
        fires = {"mixture": looks.excluded(tau=MDE), "naive": looks.naive(), "planned": planned(counts, start)}
        for name, each in fires.items():
            first(stops[name], each, start)
        missed |= looks.excluded(tau=MDE, null=effect).any(axis=1)
        if start < ONE <= start + CHUNK:
            at = ONE - 1 - start
            fixed = np.array([excludes(rate_difference(*counts.at(path, at))) for path in range(paths)])
        for path, look in ((0, -1), (1, int(rng.integers(CHUNK // 2)))):
            agree(looks, (path % paths, look), rate_difference(*counts.at(path % paths, look)), tau=MDE)
    result: dict[str, Floats | Bools] = {"fixed": fixed, "missed": missed}
    for name, stop in stops.items():
        result |= {f"{name} 1N": stop <= ONE, f"{name} 2N": stop <= TWO, f"{name} 4N": stop <= LOOKS}
    result["mixture stop"] = np.minimum(stops["mixture"], LOOKS) * EVERY / PLANNED
    result["naive stop"] = np.minimum(stops["naive"], ONE) * EVERY / PLANNED
    result["planned stop"] = np.minimum(stops["planned"], ONE) * EVERY / PLANNED
    return result


def first(stops: Floats, fires: Bools, start: int) -> None:
    """Note the first look at which a rule fires, in place."""
    now = fires.any(axis=1) & (stops == NEVER)
    stops[now] = start + 1 + fires[now].argmax(axis=1)


def planned(counts: Counts, start: int) -> Bools:
    """O'Brien & Fleming's ten looks, with the bound that the library computes."""
    fires = np.zeros(counts.k_control.shape, dtype=bool)
    for k, tenth in enumerate(TENTHS, start=1):
        at = tenth - start
        if not 0 <= at < len(fires[0]):
            continue
        for path in range(len(fires)):
            effect = monitorable(rate_difference(*counts.at(path, at)))
            if not isinstance(effect, NotEnough):
                half = obrien_fleming(10) * sqrt(10 / k * max(effect.ends))
                fires[path, at] = abs(effect.value) > half
    return fires


NOTHING = f"Bernoulli({BASE:g}) in both arms, N = {PLANNED:,} an arm, look after every {EVERY} an arm to 4N"
SOMETHING = f"Bernoulli({BASE:g}) against {BASE + MDE:g}, N = {PLANNED:,} an arm, look after every {EVERY} an arm to 4N"
MIXTURE = "always_valid, τ = MDE"

TRIALS = (
    Trial(
        "power-a/a",
        "A/A: the plan of 10 % against 11 %",
        NOTHING,
        partial(one_plan, effect=0.0),
        (
            Target("mixture 4N", f"{MIXTURE}, to 4N", at_most=0.05),
            Target("fixed", "fixed, one look at N", at_most=0.05),
            Target("planned 1N", "O'Brien–Fleming, 10 looks to N", at_most=0.05),
            Target("naive 1N", "fixed at every look, stop at p < .05, to N"),
            Target("naive 4N", "fixed at every look, stop at p < .05, to 4N"),
        ),
    ),
    Trial(
        "power-a/b",
        "A/B: a lift of 10 %, the plan's MDE",
        SOMETHING,
        partial(one_plan, effect=MDE),
        (
            Target("mixture 1N", f"{MIXTURE}: power by N", at_least=0.541, known_to=0.005),
            Target("mixture 2N", f"{MIXTURE}: power by 2N", at_least=0.887, known_to=0.003),
            Target("mixture 4N", f"{MIXTURE}: power by 4N", at_least=0.997, known_to=0.0005),
            Target("mixture stop", f"{MIXTURE}: mean stop / N", at_most=1.09, unit="", known_to=0.007),
            Target("missed", f"{MIXTURE}: the truth is ever outside", at_most=0.05),
            Target("planned 1N", "O'Brien–Fleming, 10 looks: power by N", at_least=0.785, known_to=0.004),
            Target("planned stop", "O'Brien–Fleming, 10 looks: mean stop / N", at_most=0.77, unit="", known_to=0.002),
            Target("fixed", "fixed, one look at N: power"),
            Target("naive 1N", "fixed at every look to N: found"),
            Target("naive stop", "fixed at every look to N: mean stop / N", unit=""),
        ),
    ),
)
