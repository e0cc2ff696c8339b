"""Estimates one run's level on one measure, with the interval that fits its kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluators.comparison.corpus import figure_of, reach_of, share_span
from evaluators.comparison.pairing import Side, side_of
from evaluators.criteria.metric_catalogue import Measure, is_signal
from evaluators.results.run_table import RunTable, table_of
from evaluators.results.scope import Scope
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.run import Run
from fairtrial.stats.intervals import wilson
from fairtrial.stats.paired.resampling import bootstrap_corpus, jackknife_corpus
from fairtrial.stats.paired.score_mean import score_mean

NO_CASE = "no case is scored by it"


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
        asked = len(table.case_ids) if inside is None else int(np.count_nonzero(inside))
        return _total(measure, asked, side)
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
        span = share_span(measure)
        return bootstrap_corpus(figure, side.n, side.clusters, level=level, seed=seed, span=span)
    reach, within = reach_of(measure, side), (0.0, measure.scale)
    return jackknife_corpus(
        figure, side.n, side.clusters, within=within, reach=reach, without=figure.without, level=level
    )


def _within(found: Estimate | NotEnough, most: float | None) -> Estimate | NotEnough:
    if isinstance(found, NotEnough) or most is None:
        return found
    return replace(found, low=max(0.0, found.low), high=min(most, found.high))


def _total(measure: Measure, asked: int, side: Side) -> Estimate | NotEnough:
    at = side.run.results_of_cases()[side.cases].ravel()
    parts = measure.values(side.run)[at[at >= 0]]
    if not len(parts) or side.n < asked or np.isnan(parts).any():
        return NotEnough("the cost of some answers is unknown", "a price for the deployment", side.n)
    value = float(sum(parts.tolist()))
    return Estimate(value, value, value, 1.0, side.n, "sum")
