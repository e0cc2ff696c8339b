"""What can be measured on a run: a suite's scorers, and what every run has without asking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isclose
from statistics import fmean
from typing import Literal

import numpy as np

from evaluators.scorer import Stat
from evaluators.suite import Suite
from fairtrial.domain.events import CaseOutcome
from fairtrial.domain.run import CaseResult, Run, Score, ScoreFailure

Kind = Literal["proportion", "mean", "corpus", "total", "count"]
Form = Literal["share", "number", "ms", "usd"]
UNSCORED: frozenset[CaseOutcome] = frozenset({"provider_error", "judge_error", "skipped"})
COUNTS = ("lost", "gained")
LESS_IS_BETTER = frozenset({"off_label"})
"""The stats of our own scorers of which less is better."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of a run.

    ``value`` is what one result adds, ``None`` if it does not enter; ``unscored`` whether it should have entered and
    could not; ``aggregate`` makes the figure of ``corpus`` measures from results, ``quantile`` says that it is this
    quantile of their values; ``reach``: as `Stat` has it, of results. ``scale`` is the largest value.
    """

    name: str
    kind: Kind
    value: Callable[[CaseResult], float | None]
    form: Form = "share"
    scale: float = 1.0
    higher_is_better: bool = True
    aggregate: Callable[[Sequence[CaseResult]], float | None] | None = None
    scorer: str | None = None
    quantile: float | None = None
    reach: Callable[[Sequence[CaseResult]], float | None] | None = None

    @property
    def sign(self) -> int:
        """+1 if more is better, −1 if less is."""
        return 1 if self.higher_is_better else -1

    @property
    def in_points(self) -> bool:
        """Whether a difference may be said in percentage points."""
        return self.form == "share"

    def unscored(self, result: CaseResult) -> bool:
        if self.scorer is None:
            return self.kind == "corpus" and result.outcome in UNSCORED
        return result.outcome in UNSCORED or isinstance(result.scores.get(self.scorer), ScoreFailure)


def measure_of(suite: Suite, metric: str) -> Measure | None:
    """The measure that a gate line of this suite means by this name; ``None`` if there is none."""
    scorer = metric.partition(".")[0]
    stat = suite.stat(metric)
    return BUILT_IN.get(metric) if stat is None else of_stat(scorer, stat)


def known_metrics(suite: Suite) -> list[str]:
    """Every name that a gate line of this suite may use."""
    stats = [f"{one.name}.{stat.name}" for one in suite.scorers for stat in one.stats]
    return [*(one.name for one in suite.scorers), *stats, *BUILT_IN]


def measures_of(suite: Suite) -> list[Measure]:
    """Everything a report shows: each scorer's stats, then what every run has."""
    scored = [of_stat(one.name, stat) for one in suite.scorers for stat in one.stats]
    return scored + [measure for name, measure in BUILT_IN.items() if name not in COUNTS]


def measures_seen(runs: Iterable[Run]) -> list[Measure]:
    """The same from runs alone, where their suite is not at hand: stats of 0 and 1 only are taken for shares.

    More is taken for better but where our own scorers say otherwise. Figures of all cases together are left out: those
    are no mean of their cases, as a run's own metrics tell.
    """
    seen: dict[tuple[str, str], set[float]] = {}
    together: set[tuple[str, str]] = set()
    for run in runs:
        values = _values_by_case(run)
        for (scorer, stat), cases in values.items():
            seen.setdefault((scorer, stat), set()).update(value for repeats in cases.values() for value in repeats)
            stated = run.metrics.get(f"{scorer}.{stat}")
            if stated is not None and not isclose(fmean(map(fmean, cases.values())), stated, abs_tol=1e-9):
                together.add((scorer, stat))
    stats = [(scorer, _seen(stat, values)) for (scorer, stat), values in seen.items() if (scorer, stat) not in together]
    built_in = [measure for name, measure in BUILT_IN.items() if name not in COUNTS]
    return [of_stat(scorer, stat) for scorer, stat in stats] + built_in


def _values_by_case(run: Run) -> dict[tuple[str, str], dict[str, list[float]]]:
    """Scorer and stat → the values of each case's repeats."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for result in run.results:
        for score in (one for one in result.scores.values() if isinstance(one, Score)):
            for stat, value in score.values.items():
                if value is not None:
                    found.setdefault((score.scorer, stat), {}).setdefault(result.case.case_id, []).append(value)
    return found


def _seen(stat: str, values: set[float]) -> Stat:
    scale = 1.0 if max(values) <= 1 else max(values)
    kind: Literal["proportion", "mean"] = "proportion" if values <= {0, 1} else "mean"
    return Stat(stat, kind, scale=scale, higher_is_better=stat not in LESS_IS_BETTER)


def of_stat(scorer: str, stat: Stat) -> Measure:
    """A scorer's stat as a measure; scales of 1 and 100 are shares."""

    def value(result: CaseResult) -> float | None:
        score = result.scores.get(scorer)
        if not isinstance(score, Score):
            return None
        return 1.0 if stat.kind == "corpus" else score.values.get(stat.name)

    def aggregate(results: Sequence[CaseResult]) -> float | None:
        scores = [score for one in results if isinstance(score := one.scores.get(scorer), Score)]
        return stat.aggregate(scores) if stat.aggregate is not None and scores else None

    def reach(results: Sequence[CaseResult]) -> float | None:
        if stat.reach is None:
            return 1.0
        return stat.reach([score.details for one in results if isinstance(score := one.scores.get(scorer), Score)])

    return Measure(
        name=f"{scorer}.{stat.name}",
        kind=stat.kind,
        value=value,
        form="share" if stat.scale in (1.0, 100.0) else "number",
        scale=stat.scale,
        higher_is_better=stat.higher_is_better,
        aggregate=aggregate if stat.kind == "corpus" else None,
        scorer=scorer,
        reach=reach if stat.kind == "corpus" else None,
    )


def _outcomes(*outcomes: CaseOutcome) -> Callable[[CaseResult], float | None]:
    """1 for these outcomes, 0 for the others; among the answered cases only, unless errors are what is counted."""
    counted = frozenset(outcomes)

    def value(result: CaseResult) -> float | None:
        if result.outcome in UNSCORED and not counted <= UNSCORED:
            return None
        return float(result.outcome in counted)

    return value


def _latency(result: CaseResult) -> float | None:
    """The time of an answer, in ms; answers from the cache don't count."""
    return None if result.answer.cached or result.answer.error is not None else result.answer.latency_ms


def _quantile(share: float) -> Callable[[Sequence[CaseResult]], float | None]:
    def aggregate(results: Sequence[CaseResult]) -> float | None:
        times = [time for one in results if (time := _latency(one)) is not None]
        return float(np.quantile(times, share)) if times else None

    return aggregate


def _latency_at(name: str, share: float) -> Measure:
    aggregate = _quantile(share)
    return Measure(name, "corpus", _latency, "ms", higher_is_better=False, aggregate=aggregate, quantile=share)


def _tokens(result: CaseResult) -> float | None:
    return None if result.answer.tokens_out is None else float(result.answer.tokens_out)


def _never(_: CaseResult) -> float | None:
    return None


BUILT_IN: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("errors", "proportion", _outcomes(*UNSCORED), higher_is_better=False),
        Measure("off_format", "proportion", _outcomes("off_format"), higher_is_better=False),
        Measure("refusals", "proportion", _outcomes("refused"), higher_is_better=False),
        Measure("truncated", "proportion", _outcomes("truncated"), higher_is_better=False),
        _latency_at("latency.p50", 0.50),
        _latency_at("latency.p95", 0.95),
        Measure("tokens", "mean", _tokens, "number", higher_is_better=False),
        Measure("cost", "total", lambda one: one.answer.cost_usd, "usd", higher_is_better=False),
        Measure("lost", "count", _never, "number", higher_is_better=False),
        Measure("gained", "count", _never, "number"),
    )
}
