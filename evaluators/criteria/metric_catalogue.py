"""Lists what can be measured on a run: the suite's scorers and the built-in metrics."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import fsum, isclose
from typing import Literal

import numpy as np

from evaluators.results.run_table import FAILED, OUTCOME, SCORED, Floats, Marks, RunTable, table_of
from evaluators.scoring.scorer import Quantity, Stat
from evaluators.suite import Suite
from fairtrial.domain.answers.signals import (
    CHARACTERS,
    FORMAT_VALID,
    LANGUAGE_SWITCH,
    METRICS,
    OVER_REFUSED,
    REFUSED,
    SIGNALS,
)
from fairtrial.domain.run import UNSCORED, CaseOutcome, Run

Kind = Literal["proportion", "mean", "corpus", "total", "count"]
Form = Literal["share", "number", "ms", "usd"]
COUNTS = ("lost", "gained")
LESS_IS_BETTER = frozenset({"off_label", "over_refusal", "flips", REFUSED, OVER_REFUSED, LANGUAGE_SWITCH})
"""The stats of built-in scorers, and the signals, for which less is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure(Quantity[Kind]):
    """One metric of a run.

    ``values`` is what each result contributes, NaN if nothing; ``unscored`` marks results that should contribute and
    cannot. ``stat`` tells how the figure of a ``corpus`` measure is computed; ``quantile``, if set, which quantile of
    the values it is.
    """

    values: Callable[[RunTable], Floats]
    form: Form = "share"
    stat: Stat | None = None
    scorer: str | None = None
    quantile: float | None = None

    @property
    def sign(self) -> int:
        """+1 if more is better, −1 if less is."""
        return 1 if self.higher_is_better else -1

    @property
    def in_points(self) -> bool:
        """Whether a difference may be given in percentage points."""
        return self.form == "share"

    def unscored(self, run: RunTable) -> Marks:
        """For each result, whether it should contribute and cannot."""
        if self.scorer is None:
            return ended_as(run, UNSCORED) if self.kind == "corpus" else np.zeros(run.n, dtype=bool)
        failed: Marks = run.state(self.scorer) == FAILED
        return failed | ended_as(run, UNSCORED)


def ended_as(run: RunTable, outcomes: Iterable[CaseOutcome]) -> Marks:
    """For each result, whether it ended in one of these outcomes."""
    marks: Marks = np.isin(run.outcomes, [OUTCOME[outcome] for outcome in outcomes])
    return marks


def is_signal(measure: Measure) -> bool:
    """Whether a detector of signals measures it, so that both runs need the same version of the detectors."""
    return measure.name in METRICS


def measure_of(suite: Suite, metric: str) -> Measure | None:
    """The measure of this name in a gate line of the suite; ``None`` if there is none."""
    scorer = metric.partition(".")[0]
    stat = suite.stat(metric)
    return BUILT_IN.get(metric) if stat is None else of_stat(scorer, stat)


def known_metrics(suite: Suite) -> list[str]:
    """Every metric name that a gate line of this suite may use."""
    stats = [f"{scorer.name}.{stat.name}" for scorer in suite.scorers for stat in scorer.stats]
    return [*(scorer.name for scorer in suite.scorers), *stats, *BUILT_IN]


def measures_of(suite: Suite) -> list[Measure]:
    """Everything that a report shows: each scorer's stats, then the built-in metrics."""
    scored = [of_stat(scorer.name, stat) for scorer in suite.scorers for stat in scorer.stats]
    return scored + [measure for name, measure in BUILT_IN.items() if name not in COUNTS]


def measures_seen(runs: Iterable[Run | RunTable]) -> list[Measure]:
    """The same from runs alone, for when their suite is not available.

    Stats whose values are all 0 or 1 are taken for shares. More is taken for better, except in `LESS_IS_BETTER`.
    Corpus figures are left out; they are recognised because the run's metric is not the mean of its cases.
    """
    seen: dict[str, list[Floats]] = {}
    together: set[str] = set()
    for run in map(table_of, runs):
        for metric in _in_order(run):
            values = run.value(metric)
            seen.setdefault(metric, []).append(np.unique(values[~np.isnan(values)]))
            stated = run.metrics.get(metric)
            if stated is not None and not isclose(_mean(run.mean_of_case(values)), stated, abs_tol=1e-9):
                together.add(metric)
    signals = f"{SIGNALS}."
    names = [metric.partition(".") for metric in seen if metric not in together and not metric.startswith(signals)]
    stats = [(scorer, _seen(stat, np.concatenate(seen[f"{scorer}.{stat}"]))) for scorer, _, stat in names]
    built_in = [measure for name, measure in BUILT_IN.items() if name not in COUNTS]
    return [of_stat(scorer, stat) for scorer, stat in stats] + built_in


def _in_order(run: RunTable) -> list[str]:
    """The metrics that have a value, ordered by the first result that has one."""
    firsts = {metric: np.flatnonzero(~np.isnan(values)) for metric, values in run.values.items()}
    return sorted((metric for metric, at in firsts.items() if len(at)), key=lambda metric: int(firsts[metric][0]))


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return fsum(known) / len(known)


def _seen(stat: str, values: Floats) -> Stat:
    largest = float(values.max())
    scale = 1.0 if largest <= 1 else largest
    kind: Literal["proportion", "mean"] = "proportion" if np.isin(values, (0, 1)).all() else "mean"
    return Stat(stat, kind, scale=scale, higher_is_better=stat not in LESS_IS_BETTER)


def of_stat(scorer: str, stat: Stat) -> Measure:
    """A scorer's stat as a measure; stats with the scale 1 or 100 are shares."""

    def values(run: RunTable) -> Floats:
        scored = run.state(scorer) == SCORED
        return np.where(scored, 1.0 if stat.kind == "corpus" else run.value(f"{scorer}.{stat.name}"), np.nan)

    return Measure(
        name=f"{scorer}.{stat.name}",
        kind=stat.kind,
        values=values,
        form="share" if stat.scale in (1.0, 100.0) else "number",
        scale=stat.scale,
        higher_is_better=stat.higher_is_better,
        stat=stat if stat.kind == "corpus" else None,
        scorer=scorer,
    )


def _signal(name: str) -> Callable[[RunTable], Floats]:
    """A signal of each answer, NaN where it was not measured."""

    def values(run: RunTable) -> Floats:
        return run.value(f"{SIGNALS}.{name}")

    return values


def _refusals(run: RunTable) -> Floats:
    """Whether each answer refuses; runs of older versions know it only from their outcomes."""
    return _signal(REFUSED)(run) if SIGNALS in run.states else _outcomes("refused")(run)


def _outcomes(*outcomes: CaseOutcome) -> Callable[[RunTable], Floats]:
    """1 for these outcomes, 0 for the others; unscored cases are left out, unless they are what is counted."""

    def values(run: RunTable) -> Floats:
        marks = ended_as(run, outcomes).astype(np.float64)
        if not UNSCORED.issuperset(outcomes):
            marks[ended_as(run, UNSCORED)] = np.nan
        return marks

    return values


def _latency(run: RunTable) -> Floats:
    """The latency of each answer in ms; cached answers do not count."""
    return np.where(run.cached | run.failed, np.nan, run.latency_ms)


def _latency_at(name: str, share: float) -> Measure:
    return Measure(name, "corpus", higher_is_better=False, values=_latency, form="ms", quantile=share)


def _tokens(run: RunTable) -> Floats:
    return run.tokens_out


def _cost(run: RunTable) -> Floats:
    return run.cost_usd


def _never(run: RunTable) -> Floats:
    return np.full(run.n, np.nan)


BUILT_IN: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("errors", "proportion", higher_is_better=False, values=_outcomes(*UNSCORED)),
        Measure("off_format", "proportion", higher_is_better=False, values=_outcomes("off_format")),
        Measure("refusals", "proportion", higher_is_better=False, values=_refusals),
        Measure("over_refusals", "proportion", higher_is_better=False, values=_signal(OVER_REFUSED)),
        Measure("format_valid", "proportion", values=_signal(FORMAT_VALID)),
        Measure("language_switch", "proportion", higher_is_better=False, values=_signal(LANGUAGE_SWITCH)),
        Measure("truncated", "proportion", higher_is_better=False, values=_outcomes("truncated")),
        _latency_at("latency.p50", 0.50),
        _latency_at("latency.p95", 0.95),
        Measure("tokens", "mean", higher_is_better=False, values=_tokens, form="number"),
        Measure("verbosity", "mean", higher_is_better=False, values=_signal(CHARACTERS), form="number"),
        Measure("cost", "total", higher_is_better=False, values=_cost, form="usd"),
        Measure("lost", "count", higher_is_better=False, values=_never, form="number"),
        Measure("gained", "count", values=_never, form="number"),
    )
}
