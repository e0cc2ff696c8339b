"""Migrations: how often a successor that is worse by exactly the margin is accepted, alone and among four."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.random import Generator

from benchmarks.decision_trials.trial import Row, Trial, share
from benchmarks.gate_trials.real_path import GRADED, SHARE, cases_of, run_of
from benchmarks.trials.trial import Floats
from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.metric_catalogue import Measure
from evaluators.gate.comparison_rule import judge_comparison
from evaluators.results.run_table import RunTable, table_of
from fairtrial.domain.promises import ALPHA

LEVEL, MARGIN, TOGETHER = 0.8, 0.05, 4
TEST = VersusBaseline("not worse", "base", 100 * MARGIN, "pp")
METRIC = "m.v"
GAINED = 0.15
"""The share of the cases that the old model has wrong and a successor right."""


def _successor(rng: Generator, old: Floats, loss: float) -> Floats:
    """Answers that are right in ``loss`` fewer cases on average than the old model's, to the same cases."""
    lost = (loss + GAINED * (1 - LEVEL)) / LEVEL
    draw = rng.random(len(old))
    return np.where(old > 0, draw >= lost, draw < GAINED).astype(np.float64)


def _graded(rng: Generator, old: Floats, loss: float) -> Floats:
    """Scores of the same cases that are lower by ``loss`` on average, in steps."""
    lower = rng.random(len(old)) < 2 * loss + 0.1
    higher = ~lower & (rng.random(len(old)) < 0.1 / (0.9 - 2 * loss))
    return np.asarray(old + 0.5 * higher - 0.5 * lower)


@cache
def _template(target: str, n: int) -> RunTable:
    return table_of(run_of(target, np.zeros(n), cases_of(n, None, None)))


def _table(target: str, values: Floats) -> RunTable:
    """The table of a run with these values; only the values differ between runs of as many cases."""
    return replace(_template(target, len(values)), values={METRIC: values}, _memo={})


def _tables(rng: Generator, n: int, loss: float, *, graded: bool) -> tuple[RunTable, list[RunTable]]:
    old = np.full(n, 0.5) if graded else (rng.random(n) < LEVEL).astype(np.float64)
    new = [(_graded if graded else _successor)(rng, old, loss) for _ in range(TOGETHER)]
    return _table("old", old), [_table("new", one) for one in new]


def _accepted(measure: Measure, old: RunTable, new: RunTable, successors: int) -> bool:
    found = judge_comparison(
        "m not worse than base by 5pp", "s", TEST, measure, runs=(new, old), scope=None, alpha=ALPHA / successors
    )
    return found.finding.result == "pass"


def _rows(rng: Generator, count: int) -> Iterator[Row]:
    for kind, measure, n in (("0/1", SHARE, 200), ("0/1", SHARE, 1_000), ("graded", GRADED, 400)):
        alone, four, unshared, equal = [], [], [], []
        for _ in range(count):
            old, new = _tables(rng, n, MARGIN, graded=kind == "graded")
            alone.append(_accepted(measure, old, new[0], 1))
            four.append(any(_accepted(measure, old, one, TOGETHER) for one in new))
            unshared.append(alone[-1] or any(_accepted(measure, old, one, 1) for one in new[1:]))
            old, new = _tables(rng, n, 0.0, graded=kind == "graded")
            equal.append(any(_accepted(measure, old, one, TOGETHER) for one in new))
        what = f"{kind}, {n:,} cases"
        yield share(f"{what}: worse by the margin, accepted", alone, most=ALPHA)
        yield share(f"{what}: four worse by the margin, at least one accepted", four, most=ALPHA)
        yield share(f"{what}: the same four without sharing, at least one accepted", unshared)
        yield share(f"{what}: four equal ones, at least one accepted", equal)


def _measure(rng: Generator, count: int) -> Sequence[Row]:
    return list(_rows(rng, count))


TRIALS = (
    Trial(
        "migrations",
        "successors of a model, judged against its answers by `not worse than base by 5pp`",
        _measure,
        trials=1_000,
        short=100,
    ),
)
