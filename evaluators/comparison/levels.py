"""Estimates the level of one run on a measure, corpus figures such as BLEU and macro F1 included."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from itertools import islice
from math import floor

import numpy as np
from numpy.typing import NDArray

from evaluators.comparison.pairing import Side, side_of
from evaluators.criteria.metric_catalogue import Measure, is_signal
from evaluators.results.run_table import Details, Floats, Ints, RunTable, Scope, table_of
from evaluators.scoring.scorer import FromCounts, FromSums, Stat
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.run import Run, Score
from fairtrial.stats.intervals import wilson
from fairtrial.stats.paired.resampling import Indices, bootstrap_corpus, jackknife_corpus
from fairtrial.stats.paired.score_mean import score_mean

NO_CASE = "no case is scored by it"
OfCases = Callable[[Indices], float | None]
SMALLEST_CODES = (np.uint8, np.uint16)
"""Smaller integers are gathered faster, which matters because a thousand resamples gather them a thousand times."""

BINS = 256
FEW = 2_000
"""For fewer values than this, sorting them is as fast."""


def level_of(
    measure: Measure, run: Run | RunTable, scope: Scope | None = None, *, level: float = 0.95
) -> Estimate | NotEnough:
    """The measure's level on its own scale, with a two-sided interval; `NotEnough` if nothing is scored.

    The method is Wilson's interval for 0/1 values, and a score interval over clusters for repeated, clustered or real
    values. Corpus figures use the jackknife, quantiles the bootstrap. Totals are exact, or unknown if a part is.
    """
    table = table_of(run)
    side = side_of(measure, table, scope)
    if measure.kind == "total":
        inside = table.in_scope(scope)
        return _total(measure, len(table.case_ids) if inside is None else int(np.count_nonzero(inside)), side)
    if side.n == 0:
        return _not_measured(measure, table)
    span = share_span(measure)
    if measure.kind == "corpus":
        return _within(_of_corpus(measure, side, level=level, seed=run.seed), span)
    if measure.kind == "proportion" and side.binary and side.clusters is None:
        return wilson(int(side.values.sum()), side.n, level=level)
    most = measure.scale if span is not None else float(np.abs(side.values).max()) or 1.0
    return score_mean(side.values, side.clusters, within=(0.0, most), level=level)


def _not_measured(measure: Measure, run: RunTable) -> NotEnough:
    """Why no case has a value: an older version made the run, or no case is scored."""
    if is_signal(measure) and SIGNALS not in run.states:
        return NotEnough(f"an older version made run {run.run_id}, without {measure.name}", "the suite, run again")
    return NotEnough(NO_CASE, "scored cases")


def _of_corpus(measure: Measure, side: Side, *, level: float, seed: int) -> Estimate | NotEnough:
    """The jackknife for smooth figures; the bootstrap for quantiles, which the jackknife cannot handle."""
    figure = figure_of(measure, side)
    if measure.quantile is not None:
        return bootstrap_corpus(figure, side.n, side.clusters, level=level, seed=seed, span=share_span(measure))
    reach, within = reach_of(measure, side), (0.0, measure.scale)
    return jackknife_corpus(
        figure, side.n, side.clusters, within=within, reach=reach, without=figure.without, level=level
    )


def _within(estimate: Estimate | NotEnough, most: float | None) -> Estimate | NotEnough:
    if isinstance(estimate, NotEnough) or most is None:
        return estimate
    return replace(estimate, low=max(0.0, estimate.low), high=min(most, estimate.high))


def _total(measure: Measure, count: int, side: Side) -> Estimate | NotEnough:
    at = side.run.results_of_cases()[side.cases].ravel()
    parts = measure.values(side.run)[at[at >= 0]]
    if not len(parts) or side.n < count or np.isnan(parts).any():
        return NotEnough("the cost of some answers is unknown", "a price for the deployment", side.n)
    value = float(sum(parts.tolist()))
    return Estimate(value, value, value, 1.0, side.n, "sum")


@dataclass(frozen=True, slots=True)
class CaseFigure:
    """A figure of the cases with these indices; ``without``: of all other cases, if that is quicker to compute."""

    of: OfCases
    without: OfCases | None = None

    def __call__(self, indices: Indices) -> float | None:
        return self.of(indices)


def figure_of(measure: Measure, side: Side) -> CaseFigure:
    """The corpus figure of one side as a function of the indices of its cases."""
    results = side.run.results_of_cases()[side.cases]
    if measure.quantile is not None:
        values = np.append(measure.values(side.run), np.nan)
        return CaseFigure(resampled_quantile(values[results], measure.quantile))
    stat = measure.stat
    if stat is None or measure.scorer is None:
        raise ValueError(f"{measure.name} is not a figure of all cases together")
    if isinstance(stat.parts, FromCounts):
        return _counted(stat.parts, side.run, measure.scorer, results)
    if isinstance(stat.parts, FromSums):
        return _summed(stat.parts, side.run, measure.scorer, results)
    return _aggregated(stat, side.run, measure.scorer, results)


def reach_of(measure: Measure, side: Side) -> float | None:
    """n times the weight of the heaviest case in a corpus figure; ``None`` if it is unknown."""
    stat = measure.stat
    if stat is None or measure.scorer is None or stat.reach is None:
        return 1.0
    scored = set(side.run.results_of_cases()[side.cases].ravel().tolist())
    details = islice(side.run.details(measure.scorer), side.run.n)
    return stat.reach([detail for at, detail in enumerate(details) if detail is not None and at in scored])


def _counted(parts: FromCounts, run: RunTable, scorer: str, results: Ints) -> CaseFigure:
    codes, kinds = run.memoize(("kinds", scorer, parts.kind), lambda: _kinds(parts, run.details(scorer), run.n))
    kinds_of_results = codes[results]
    small = next((size for size in SMALLEST_CODES if len(kinds) < np.iinfo(size).max), np.intp)
    kinds_of_results = np.where(kinds_of_results < 0, len(kinds), kinds_of_results).astype(small)
    kinds_of_results = kinds_of_results[:, 0] if kinds_of_results.shape[1] == 1 else kinds_of_results
    figure = parts.figure(kinds)

    def counted(indices: Indices) -> Ints:
        return np.bincount(kinds_of_results.take(indices, axis=0).ravel(), minlength=len(kinds) + 1)[: len(kinds)]

    def figure_of_counts(counts: Ints) -> float | None:
        return figure(counts) if counts.any() else None

    every = counted(np.arange(len(results)))
    return CaseFigure(
        lambda indices: figure_of_counts(counted(indices)), lambda indices: figure_of_counts(every - counted(indices))
    )


def _kinds(parts: FromCounts, details: Iterable[Details | None], count: int) -> tuple[Ints, list[Hashable]]:
    """Each result's kind as an index into the kinds, −1 without a score. A last −1 stands for "no result"."""
    places: dict[Hashable, int] = {}
    codes = np.full(count + 1, -1, dtype=np.intp)
    for at, detail in enumerate(details):
        if detail is not None:
            codes[at] = places.setdefault(parts.kind(detail), len(places))
    return codes, list(places)


def _summed(parts: FromSums, run: RunTable, scorer: str, results: Ints) -> CaseFigure:
    rows = run.memoize(("rows", scorer, parts.row), lambda: _rows(parts, run.details(scorer), run.n))
    columns = np.zeros((rows.shape[1], len(results)))
    for some in results.T:
        columns += rows[some].T

    every = columns.sum(axis=1)

    def of_drawn(indices: Indices) -> float | None:
        times = np.bincount(indices, minlength=len(results)).astype(np.float64)
        # einsum instead of BLAS, because for so few numbers BLAS threads wait longer than they compute.
        return parts.figure(np.einsum("ji,i->j", columns, times)) if len(indices) else None

    def without(indices: Indices) -> float | None:
        return parts.figure(every - columns[:, indices].sum(axis=1)) if len(indices) < len(results) else None

    return CaseFigure(of_drawn, without)


def _rows(parts: FromSums, details: Iterable[Details | None], count: int) -> NDArray[np.int32]:
    """What each result adds, zeros without a score. A last row of zeros stands for "no result"."""
    numbers = (parts.row(detail) if detail is not None else None for detail in details)
    first = next((at, row) for at, row in enumerate(numbers) if row is not None)
    rows = np.zeros((count + 1, len(first[1])), dtype=np.int32)
    rows[first[0]] = first[1]
    for at, row in enumerate(numbers, first[0] + 1):
        if row is not None:
            rows[at] = row
    return rows


def _aggregated(stat: Stat, run: RunTable, scorer: str, results: Ints) -> CaseFigure:
    """The figure of a stat that can only aggregate whole scores."""
    values = {metric.partition(".")[2]: of for metric, of in run.values.items() if metric.startswith(f"{scorer}.")}
    scores = [
        None if details is None else Score(scorer, {stat: _plain(of[at]) for stat, of in values.items()}, details)
        for at, details in enumerate(islice(run.details(scorer), run.n))
    ]

    def of_drawn(indices: Indices) -> float | None:
        drawn = [scores[at] for at in results[indices].ravel().tolist() if at >= 0]
        known = [score for score in drawn if score is not None]
        return stat.aggregate(known) if stat.aggregate is not None and known else None

    return CaseFigure(of_drawn)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def share_span(measure: Measure) -> float | None:
    """The largest change that a case can make in a share: its scale; ``None`` for measures without a largest value."""
    return measure.scale if measure.form == "share" else None


def resampled_quantile(values: Floats, share: float) -> Callable[[Indices], float | None]:
    """The ``share`` quantile of the values in the drawn rows, as `numpy.quantile` computes it (linear, type 7).

    ``values`` has a row for each case with the values of its repeats, NaN for none. ``None`` if no value is drawn.
    """
    if values.size < FEW:
        return lambda indices: _quantile_of(values[indices], share)
    ordered = np.sort(values, axis=None)
    ordered = ordered[: len(ordered) - int(np.isnan(ordered).sum())]
    ends = ordered[np.linspace(0, len(ordered) - 1, BINS).astype(np.intp)[1:]] if len(ordered) else ordered
    bins = np.searchsorted(ends, values).astype(np.uint8)  # a NaN sorts above the largest value, into a separate bin
    bins = bins[:, 0] if bins.shape[1] == 1 else bins

    def figure(indices: Indices) -> float | None:
        drawn = bins.take(indices, axis=0).ravel()
        up_to = np.cumsum(np.bincount(drawn, minlength=BINS)[: len(ends)])
        count = int(up_to[-1]) if len(up_to) else 0
        if not count:
            return None
        place = (count - 1) * share
        low = floor(place)
        high = min(low + 1, count - 1)
        first, last = (int(np.searchsorted(up_to, at, side="right")) for at in (low, high))
        inside = np.flatnonzero((drawn == first) | (drawn == last))  # no value lies between the two bins
        near = values[indices[inside // values.shape[1]], inside % values.shape[1]]
        before = int(up_to[first - 1]) if first else 0
        near.partition((low - before, high - before))
        return _between_values(float(near[low - before]), float(near[high - before]), place - low)

    return figure


def _between_values(low: float, high: float, share: float) -> float:
    """Interpolates from the nearer end, as numpy does."""
    return low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share)


def _quantile_of(drawn: Floats, share: float) -> float | None:
    known = drawn[~np.isnan(drawn)]
    return float(np.quantile(known, share)) if len(known) else None
