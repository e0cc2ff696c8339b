"""Compares several runs of one suite with one baseline: levels, paired differences, and the cases that changed most."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluators.comparison.compare import compare_runs, figure
from evaluators.comparison.observations import SignalChange, signal_changes
from evaluators.comparison.pairing import Pairs, differences, pair, side_of, slices_of
from evaluators.criteria.metric_catalogue import BUILT_IN, Form, Measure, ended_as
from evaluators.results.equal_answers import EqualAnswers, equal_answers
from evaluators.results.run_table import Floats, RunTable, Scope
from fairtrial.api.comparison_answers import ChangedCase, MatrixColumn, MatrixLevel, NoiseFloor
from fairtrial.domain.errors import UsageError
from fairtrial.domain.estimates import Comparison
from fairtrial.domain.run import UNSCORED

Place = tuple[str, str]
"""A metric and a scope; an empty scope stands for all cases."""

MOST_CASES = 5
"""How many cases a matrix names on each side of a candidate."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measure in one scope: a level for each column, and a comparison for each candidate, ``None`` without pairs.

    ``noise`` compares the baseline with itself.
    """

    metric: str
    scope: str
    form: Form
    scale: float
    higher_is_better: bool
    levels: tuple[MatrixLevel, ...]
    comparisons: tuple[Comparison | None, ...]
    noise: Comparison | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """The cases of one candidate that changed most by ``metric``, and what changed that nobody measures on purpose.

    ``same``: how many of its answers equal those of the baseline.
    """

    target: str
    metric: str | None
    worst: tuple[ChangedCase, ...]
    best: tuple[ChangedCase, ...]
    signals: tuple[SignalChange, ...]
    same: EqualAnswers


@dataclass(frozen=True, slots=True)
class Matrix:
    """Runs of one suite against one baseline, which is the first column."""

    suite: str
    suite_digest: str
    columns: tuple[MatrixColumn, ...]
    rows: tuple[Row, ...]
    changes: tuple[Changes, ...]
    noise: NoiseFloor | None = None


def matrix_of(
    measures: Sequence[Measure],
    baseline: RunTable,
    candidates: Sequence[RunTable],
    *,
    by: Iterable[str] = (),
    again: RunTable | None = None,
) -> Matrix:
    """The matrix over all cases, and over each slice of the tags ``by``; ``again`` is a second run of the baseline.

    Each comparison is that of `compare_runs` for the two runs alone. Raises `UsageError` if runs are not comparable.
    """
    for candidate in candidates:
        if differing := differences(candidate, baseline):
            raise UsageError(
                f"runs {candidate.run_id} and {baseline.run_id} can't be compared: " + "; ".join(differing)
            )
    runs = (baseline, *candidates)
    scopes: list[Scope | None] = [None, *slices_of(baseline, by)]
    compared = [_by_place(compare_runs(measures, candidate, baseline, scopes)) for candidate in candidates]
    noise = {} if again is None else _by_place(compare_runs(measures, again, baseline, scopes))
    primary = _primary(measures, baseline)
    return Matrix(
        baseline.suite,
        baseline.suite_digest,
        tuple(column_of(run) for run in runs),
        tuple(_rows(measures, scopes, runs, compared, noise)),
        tuple(_changes(primary, candidate, baseline) for candidate in candidates),
        None if again is None else _noise_floor(primary, again, baseline),
    )


def _by_place(comparisons: Iterable[Comparison]) -> dict[Place, Comparison]:
    return {(comparison.metric, comparison.scope): comparison for comparison in comparisons}


def _rows(
    measures: Sequence[Measure],
    scopes: Sequence[Scope | None],
    runs: Sequence[RunTable],
    compared: Sequence[Mapping[Place, Comparison]],
    noise: Mapping[Place, Comparison],
) -> Iterator[Row]:
    """One row for each measure and scope that any run has a case for."""
    for scope in scopes:
        for measure in measures:
            levels = tuple(_level(measure, run, scope) for run in runs)
            if not any(level.n for level in levels):
                continue
            place = (measure.name, str(scope or ""))
            yield Row(
                *place,
                measure.form,
                measure.scale,
                measure.higher_is_better,
                levels,
                tuple(comparisons.get(place) for comparisons in compared),
                noise.get(place),
            )


def _level(measure: Measure, run: RunTable, scope: Scope | None) -> MatrixLevel:
    side = side_of(measure, run, scope)
    return MatrixLevel(value=figure(measure, Pairs(side, side, 0), "candidate"), n=side.n)


def column_of(run: RunTable) -> MatrixColumn:
    """The column of a run: what answered, and the tokens and latency of the answers."""
    p50, p95 = (_level(BUILT_IN[name], run, None).value for name in ("latency.p50", "latency.p95"))
    return MatrixColumn(
        target=run.target,
        run_id=run.run_id,
        model=run.model,
        fingerprint=run.fingerprint,
        results=run.n,
        unscored=int(np.count_nonzero(ended_as(run, UNSCORED))),
        cached=int(np.count_nonzero(run.cached)),
        tokens_out=_total(run.tokens_out),
        cost_usd=_total(run.cost_usd),
        latency_p50_ms=p50,
        latency_p95_ms=p95,
    )


def _total(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.sum()) if len(known) else None


def _primary(measures: Sequence[Measure], run: RunTable) -> Measure | None:
    """The first measure that single cases of the run have."""
    single = (measure for measure in measures if measure.kind in ("proportion", "mean") and measure.scorer is not None)
    return next((measure for measure in single if side_of(measure, run).n), None)


def _changes(primary: Measure | None, candidate: RunTable, baseline: RunTable) -> Changes:
    signals, same = tuple(signal_changes(candidate, baseline)), equal_answers(candidate, baseline)
    if primary is None:
        return Changes(candidate.target, None, (), (), signals, same)
    pairs = pair(primary, candidate, baseline)
    gains = primary.sign * pairs.differences
    order = np.argsort(gains, kind="stable")
    worst = [at for at in order[:MOST_CASES] if gains[at] < 0]
    best = [at for at in order[::-1][:MOST_CASES] if gains[at] > 0]
    return Changes(candidate.target, primary.name, _cases(pairs, worst), _cases(pairs, best), signals, same)


def _cases(pairs: Pairs, rows: Iterable[int]) -> tuple[ChangedCase, ...]:
    ids = pairs.candidate.run.case_ids
    return tuple(
        ChangedCase(
            case_id=ids[pairs.candidate.cases[row]],
            baseline=float(pairs.baseline.values[row]),
            candidate=float(pairs.candidate.values[row]),
        )
        for row in rows
    )


def _noise_floor(primary: Measure | None, again: RunTable, baseline: RunTable) -> NoiseFloor:
    if primary is None:
        return NoiseFloor(run_id=again.run_id, metric=None, changed=0, n=0)
    pairs = pair(primary, again, baseline)
    return NoiseFloor(
        run_id=again.run_id, metric=primary.name, changed=int(np.count_nonzero(pairs.differences)), n=pairs.n
    )
