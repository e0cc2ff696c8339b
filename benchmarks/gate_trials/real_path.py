"""From drawn values to what a gate line says of them: by the functions that compare, and by the whole gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from benchmarks.trials.trial import Floats
from evaluators.comparison.compare import difference_of, relative_difference
from evaluators.comparison.levels import level_of
from evaluators.comparison.pairing import Pairs, pair
from evaluators.criteria.grammar import Threshold, VersusBaseline
from evaluators.criteria.metric_catalogue import Measure, of_stat
from evaluators.gate.comparison_rule import judge_comparison
from evaluators.gate.threshold_rule import judge_threshold
from evaluators.results.run_table import table_of
from evaluators.scoring.scorer import Stat
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.run import Answer, Case, CaseResult, Run, Score

SHARE = of_stat("m", Stat("v", "proportion"))
GRADED = of_stat("m", Stat("v", "mean"))
NUMBER = of_stat("m", Stat("v", "mean", scale=1e9, higher_is_better=False))
ANSWER = Answer("", latency_ms=1.0)
Bounds = tuple[float, float]
"""Where more is better; −∞ to ∞ where there is not enough."""
Names = Sequence[str] | None


@cache
def cases_of(n: int, clusters: tuple[str, ...] | None, prompts: tuple[str, ...] | None) -> tuple[Case, ...]:
    """So many cases, in these clusters and with these questions; by default each alone with its own."""
    return tuple(
        Case(
            f"case-{i}",
            ({"role": "user", "content": f"question {i}" if prompts is None else prompts[i]},),
            "",
            cluster=None if clusters is None else clusters[i],
        )
        for i in range(n)
    )


def run_of(target: str, values: Floats, cases: Sequence[Case]) -> Run:
    """A run of these cases whose only score has these values."""
    results = tuple(
        CaseResult(case, 0, ANSWER, "scored", {"m": Score("m", {"v": value})})
        for case, value in zip(cases, values.tolist(), strict=True)
    )
    return Run(target, "s", "d", target, target, None, 0, 1, 0, {}, {"m": "1"}, ended_us=1, results=results)


def runs_of(values: tuple[Floats, Floats], clusters: Names = None, prompts: Names = None) -> tuple[Run, Run]:
    """The candidate's run and the baseline's."""
    names = None if clusters is None else tuple(clusters), None if prompts is None else tuple(prompts)
    cases = cases_of(len(values[0]), *names)
    return run_of("candidate", values[0], cases), run_of("base", values[1], cases)


@cache
def template(measure: Measure, n: int, clusters: tuple[str, ...] | None, prompts: tuple[str, ...] | None) -> Pairs:
    return pair(measure, *runs_of((np.zeros(n), np.zeros(n)), clusters, prompts))


def pairs_of(measure: Measure, values: tuple[Floats, Floats], clusters: Names = None, prompts: Names = None) -> Pairs:
    """The pairs that these runs would give, without making the runs."""
    names = None if clusters is None else tuple(clusters), None if prompts is None else tuple(prompts)
    found = template(measure, len(values[0]), *names)
    return replace(
        found,
        candidate=replace(found.candidate, values=values[0]),
        baseline=replace(found.baseline, values=values[1]),
    )


def bounds(measure: Measure, pairs: Pairs, *, factor: float = 1.0) -> Bounds:
    """The one-sided 95 % bounds of candidate − factor · baseline."""
    if factor == 1.0:
        return turned(difference_of(measure, pairs, level=0.90, seed=0), measure.sign)
    return turned(relative_difference(measure, pairs, factor), measure.sign)


def turned(found: Estimate | NotEnough, sign: int) -> Bounds:
    if isinstance(found, NotEnough):
        return -np.inf, np.inf
    return (found.low, found.high) if sign > 0 else (-found.high, -found.low)


def agree(measure: Measure, runs: tuple[Run, Run], low: float, limit: float, test: VersusBaseline) -> None:
    """Stops the run unless the whole gate passes this line just where the bound says so."""
    new, old = (table_of(run) for run in runs)
    found = judge_comparison("", "", test, measure, runs=(new, old), scope=None).finding
    if (found.result == "pass") != (low > limit):
        raise AssertionError(f"the gate says {found.result!r} of a bound {low} and a limit {limit}: {found.says}")


def level_bounds(measure: Measure, run: Run) -> Bounds:
    """The two-sided 95 % bounds of one run's level, which floors with `sure` read."""
    return turned(level_of(measure, run), 1)


def agree_on_level(measure: Measure, run: Run, low: float, limit: float) -> None:
    """Stops the run unless the whole gate passes ``>= limit sure`` just where the bound says so."""
    found = judge_threshold("", "", Threshold(">=", limit, sure=True), measure, run=table_of(run), scope=None).finding
    if (found.result == "pass") != (low >= limit):
        raise AssertionError(f"the gate says {found.result!r} of a bound {low} and a floor {limit}: {found.says}")
