"""Compares several runs of one suite with one baseline: levels, paired differences, and the cases that changed most."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from evaluators.comparison.compare import compare_runs, figure
from evaluators.comparison.observations import signal_changes
from evaluators.comparison.pairing import Pairs, differences, pair, side_of, slices_of
from evaluators.criteria.metric_catalogue import BUILT_IN, Measure, ended_as
from evaluators.results.equal_answers import equal_answers
from evaluators.results.run_table import Floats, RunTable, Scope
from fairtrial.api.comparison_answers import (
    ChangedCase,
    MatrixChanges,
    MatrixColumn,
    MatrixLevel,
    MatrixRow,
    NoiseFloor,
    RunMatrix,
)
from fairtrial.domain.errors import UsageError
from fairtrial.domain.estimates import Comparison
from fairtrial.domain.run import UNSCORED

Place = tuple[str, str]
"""A metric and a scope; an empty scope stands for all cases."""

MOST_CASES = 5
"""How many cases a matrix names on each side of a candidate."""


def matrix_of(
    measures: Sequence[Measure],
    baseline: RunTable,
    candidates: Sequence[RunTable],
    *,
    by: Iterable[str] = (),
    again: RunTable | None = None,
) -> RunMatrix:
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
    return RunMatrix(
        suite=baseline.suite,
        suite_digest=baseline.suite_digest,
        columns=tuple(column_of(run) for run in runs),
        rows=tuple(_rows(measures, scopes, runs, compared, noise)),
        changes=tuple(_changes(primary, candidate, baseline) for candidate in candidates),
        noise=None if again is None else _noise_floor(primary, again, baseline),
    )


def _by_place(comparisons: Iterable[Comparison]) -> dict[Place, Comparison]:
    return {(comparison.metric, comparison.scope): comparison for comparison in comparisons}


def _rows(
    measures: Sequence[Measure],
    scopes: Sequence[Scope | None],
    runs: Sequence[RunTable],
    compared: Sequence[Mapping[Place, Comparison]],
    noise: Mapping[Place, Comparison],
) -> Iterator[MatrixRow]:
    """One row for each measure and scope that any run has a case for."""
    for scope in scopes:
        for measure in measures:
            levels = tuple(_level(measure, run, scope) for run in runs)
            if not any(level.n for level in levels):
                continue
            place = name, where = measure.name, str(scope or "")
            yield MatrixRow(
                metric=name,
                scope=where,
                form=measure.form,
                scale=measure.scale,
                higher_is_better=measure.higher_is_better,
                levels=levels,
                comparisons=tuple(comparisons.get(place) for comparisons in compared),
                noise=noise.get(place),
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


def _changes(primary: Measure | None, candidate: RunTable, baseline: RunTable) -> MatrixChanges:
    changes = MatrixChanges(
        target=candidate.target,
        metric=None,
        worst=(),
        best=(),
        signals=tuple(signal_changes(candidate, baseline)),
        same=equal_answers(candidate, baseline),
    )
    if primary is None:
        return changes
    pairs = pair(primary, candidate, baseline)
    gains = primary.sign * pairs.differences
    order = np.argsort(gains, kind="stable")
    worst = [at for at in order[:MOST_CASES] if gains[at] < 0]
    best = [at for at in order[::-1][:MOST_CASES] if gains[at] > 0]
    return replace(changes, metric=primary.name, worst=_cases(pairs, worst), best=_cases(pairs, best))


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
