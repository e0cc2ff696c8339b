"""The chance of a wrong pass or failure by enumeration: few kinds of cases, every outcome with its probability."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.random import Generator
from scipy.special import gammaln, xlogy
from scipy.stats import multinomial

from benchmarks.gate_trials.real_path import GRADED, SHARE, bounds, pairs_of
from benchmarks.trials.trial import Floats, Measures, Simulate, Target, Trial
from evaluators.comparison.question import Question, by_truth_table
from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.metric_catalogue import Measure
from fairtrial.stats.intervals import tango_score

NEGLIGIBLE = 1e-7
"""Outcomes rarer than this are left out, and counted as wrong passes."""
MOST = 0.07
SIZES = (28, 54, 100)
Kinds = tuple[tuple[float, float, float], ...]
"""Candidate's value, baseline's value and probability of each kind of case."""


def wrong(measure: Measure, kinds: Kinds, n: int, *, factor: float, limit: float) -> float:
    """The chance that the lower bound of candidate − factor · baseline is above ``limit``, where the truth is."""
    passed = known = 0.0
    for counts, chance in outcomes([kind[2] for kind in kinds], n):
        known += chance
        candidate, baseline = (np.repeat([kind[side] for kind in kinds], counts) for side in (0, 1))
        passed += chance * (bounds(measure, pairs_of(measure, (candidate, baseline)), factor=factor)[0] > limit)
    return passed + 1 - known


def outcomes(shares: list[float], n: int) -> Iterator[tuple[Floats, float]]:
    """All counts of three kinds that are not negligible, with their chances."""
    first, second = (grid.ravel() for grid in np.indices((n + 1, n + 1)))
    inside = first + second <= n
    counts = np.column_stack([first[inside], second[inside], n - first[inside] - second[inside]])
    chance = np.exp(gammaln(n + 1) + (xlogy(counts, shares) - gammaln(counts + 1)).sum(axis=1))
    likely = chance > NEGLIGIBLE
    yield from zip(counts[likely], chance[likely].tolist(), strict=True)


def graded(_: Generator, __: int) -> Measures:
    """Gains and losses of one size: at the margin, for each size of suite, of loss, and share that gains."""
    found = []
    for n, size, gaining, margin in product(SIZES, (0.25, 0.5, 1.0), (0.0, 0.05), (0.05, 0.1)):
        losing = gaining + margin / size
        kinds = ((1.0 - size, 1.0, losing), (1.0, 1.0 - size, gaining), (1.0, 1.0, 1 - losing - gaining))
        found.append(wrong(GRADED, kinds, n, factor=1.0, limit=-margin))
    return {"graded": np.array(found)}


def drifting(_: Generator, __: int) -> Measures:
    """Most cases gain a little, some stay, a few lose everything."""
    found = []
    for n, gain, margin in product(SIZES, (0.02, 0.1, 0.3), (0.02, 0.05, 0.1)):
        losing = (margin + 0.8 * gain) / (1 + 0.8 * gain)
        kinds = ((0.0, 1.0, losing), (0.5 + gain, 0.5, 0.8 * (1 - losing)), (0.5, 0.5, 0.2 * (1 - losing)))
        found.append(wrong(GRADED, kinds, n, factor=1.0, limit=-margin))
    return {"drifting": np.array(found)}


def relative(_: Generator, __: int) -> Measures:
    """0/1 cases of which the candidate only loses some: at the relative margin."""
    found = []
    for n, level, margin in product(SIZES, (0.5, 0.7, 0.9), (0.02, 0.05, 0.1, 0.2)):
        kinds = ((1.0, 1.0, level * (1 - margin)), (0.0, 1.0, level * margin), (0.0, 0.0, 1 - level))
        found.append(wrong(SHARE, kinds, n, factor=1 - margin, limit=0.0))
    return {"relative": np.array(found)}


def failing(_: Generator, __: int) -> Measures:
    """0/1 cases of a candidate that is worse by the margin, or by twice as much: how often the line fails."""
    found: dict[str, list[float]] = {"fails": [], "plain": [], "power": [], "plain power": []}
    for n, margin in product((28, 54, 100, 149, 226), (0.02, 0.03, 0.05, 0.1)):
        counts = [(won, lost) for won in range(n // 5) for lost in range(won + 1, n // 2) if won + lost <= n]
        results = [failure(won, lost, n, margin) for won, lost in counts]
        plain, now = (np.array(each) for each in zip(*results, strict=True))
        for gaining, times in product((0.0, 0.005, 0.01, 0.05), (1, 2)):
            losing = gaining + times * margin
            chance = multinomial.pmf(
                [(won, lost, n - won - lost) for won, lost in counts], n, [gaining, losing, 1 - gaining - losing]
            )
            found["fails" if times == 1 else "power"].append(float(chance @ now))
            found["plain" if times == 1 else "plain power"].append(float(chance @ plain))
    return {name: np.array(each) for name, each in found.items()}


def failure(won: int, lost: int, n: int, margin: float) -> tuple[bool, bool]:
    """Whether the line fails by Tango's bound alone, and by the gate."""
    if tango_score(won, lost, n, -margin) > -1.6:  # neither does
        return False, False
    times = [won, lost, n - won - lost]
    sides = np.repeat([1.0, 0.0, 1.0], times), np.repeat([0.0, 1.0, 1.0], times)
    line = VersusBaseline("not worse", "base", 100 * margin, "pp")
    question = Question(line, SHARE, pairs_of(SHARE, sides), later=False, seed=0)
    bound = question.at_look(0.05)
    return by_truth_table(bound, 1, -margin) == "fail", question.result_of(bound, 0.05) == "fail"


def of(name: str, what: str, process: str, simulate: Simulate) -> Trial:
    sizes = "n = 28, 54, 100; "
    target = Target(name, "worse by the margin, passes: the most", at_most=MOST, of="most")
    middle = Target(name, "worse by the margin, passes: the median", of="median")
    return Trial(f"exact-{name}", f"{what}, by enumeration", sizes + process, simulate, (target, middle), exact=True)


TRIALS = (
    of("graded", "A graded score", "losses and gains of 0.25, 0.5, 1; 0, 5 % gain; margins of 5, 10 points", graded),
    of("drifting", "A graded score", "most gain 0.02, 0.1 or 0.3, some lose 1; margins of 2, 5, 10 points", drifting),
    Trial(
        "exact-failing",
        "0/1, `not worse than base`, by enumeration",
        "n = 28, 54, 100, 149, 226; margins of 2, 3, 5, 10 points; 0, 0.5, 1, 5 % gain",
        failing,
        (
            Target("fails", "worse by the margin, fails: the most", at_most=MOST, of="most"),
            Target("plain", "the same by Tango's bound alone: the most", of="most"),
            Target("power", "worse by twice the margin, fails: the mean"),
            Target("plain power", "the same by Tango's bound alone: the mean"),
        ),
        exact=True,
    ),
    of("relative", "0/1, `by 2%` to `by 20%`", "the base passes 50, 70, 90 %; losses only", relative),
)
