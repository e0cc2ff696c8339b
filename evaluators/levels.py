"""One run's level on one measure, with the interval that its kind calls for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from evaluators.gate_lines import Scope
from evaluators.measures import Measure
from evaluators.pairing import Side, by_case, side_of
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.run import Run
from fairtrial.stats.intervals import wilson
from fairtrial.stats.paired.bootstrap import Indices, bootstrap_corpus
from fairtrial.stats.paired.jackknife import jackknife_corpus
from fairtrial.stats.paired.score_mean import score_mean

NO_CASE = "no case here is scored by it"


def level_of(measure: Measure, run: Run, scope: Scope | None = None) -> Estimate | NotEnough:
    """The level on the measure's own scale, with a two-sided 95 % interval; `NotEnough` where nothing is scored.

    0/1 values: Wilson; repeated, clustered or real values: a score interval over clusters; figures of all cases
    together: the jackknife, quantiles the bootstrap; totals: exact, and unknown if any part is.
    """
    side = side_of(measure, run, scope)
    if measure.kind == "total":
        return _total(measure, len(by_case(run.results, scope)), side)
    if side.n == 0:
        return NotEnough(NO_CASE, "scored cases")
    span = share_span(measure)
    if measure.kind == "corpus":
        return _within(_of_corpus(measure, side, run.seed), span)
    if measure.kind == "proportion" and side.binary and side.clusters is None:
        return wilson(int(side.values.sum()), side.n)
    most = measure.scale if span is not None else float(np.abs(side.values).max()) or 1.0
    return score_mean(side.values, side.clusters, within=(0.0, most))


def _of_corpus(measure: Measure, side: Side, seed: int) -> Estimate | NotEnough:
    """Smooth figures by the jackknife; quantiles, which it does not measure, by the bootstrap."""
    figure = figure_of(measure, side)
    if measure.quantile is not None:
        return bootstrap_corpus(figure, side.n, side.clusters, seed=seed, span=share_span(measure))
    reach = reach_of(measure, side)
    return jackknife_corpus(figure, side.n, side.clusters, within=(0.0, measure.scale), reach=reach)


def reach_of(measure: Measure, side: Side) -> float | None:
    """n times the weight of the case that weighs most in a corpus figure; ``None`` where none is known."""
    return None if measure.reach is None else measure.reach([one for repeats in side.results for one in repeats])


def share_span(measure: Measure) -> float | None:
    """The largest change that a case could make in a share: its scale; ``None`` for what has no largest value."""
    return measure.scale if measure.form == "share" else None


def _within(found: Estimate | NotEnough, most: float | None) -> Estimate | NotEnough:
    if isinstance(found, NotEnough) or most is None:
        return found
    return replace(found, low=max(0.0, found.low), high=min(most, found.high))


def figure_of(measure: Measure, side: Side) -> Callable[[Indices], float | None]:
    """The corpus figure of one side as a function of the indices of its cases."""
    aggregate = measure.aggregate
    if aggregate is None:
        raise ValueError(f"{measure.name} is not a figure of all cases together")
    if measure.quantile is not None:
        return _quantile_of(measure, side, measure.quantile)
    return lambda indices: aggregate([one for i in indices for one in side.results[i]])


def _quantile_of(measure: Measure, side: Side, share: float) -> Callable[[Indices], float | None]:
    """The same figure from the values alone: a thousand resamples of thousands of results take no time then."""
    values = [[value for one in results if (value := measure.value(one)) is not None] for results in side.results]
    if all(len(one) == 1 for one in values):
        flat = np.array(values, dtype=np.float64).reshape(-1)
        return lambda indices: float(np.quantile(flat[indices], share)) if len(indices) else None

    def figure(indices: Indices) -> float | None:
        pooled = [value for i in indices for value in values[i]]
        return float(np.quantile(pooled, share)) if pooled else None

    return figure


def _total(measure: Measure, asked: int, side: Side) -> Estimate | NotEnough:
    parts = [measure.value(one) for repeats in side.results for one in repeats]
    known = [part for part in parts if part is not None]
    if not known or side.n < asked or len(known) < len(parts):
        return NotEnough("what some answers cost is unknown", "a price for the deployment", side.n)
    value = float(sum(known))
    return Estimate(value, value, value, 1.0, side.n, "sum")
