"""Reads the cases of one run, or of two comparable runs side by side, graded by one of their metrics."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from evaluators.comparison.comparability import differences
from evaluators.criteria.metric_catalogue import LESS_IS_BETTER
from fairtrial.api.runs import CasesOf, PairsOf
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.errors import BadRequest
from fairtrial.domain.events import RunEvent
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.evaluations import run_cases, run_figures, run_names, runs


def read_figures(database: Database, run_id: str) -> run_figures.RunFigures:
    """One run without its cases; raises `NotFound`."""
    found = run_figures.figures(database, run_id)
    if found is None:
        raise run_names.unknown_run(database, run_id)
    return found


def read_cases(database: Database, page: Page, wanted: CasesOf) -> dict[str, Any]:
    """A page of cases with the ``metric`` that grades them; raises `NotFound`, and `BadRequest` for the metric."""
    metric = _metric(wanted.metric, read_figures(database, wanted.run_id))
    return {"metric": metric} | run_cases.cases(database, page, wanted, metric, lower=_lower(metric))


def read_pairs(database: Database, page: Page, wanted: PairsOf) -> dict[str, Any]:
    """A page of cases of both runs with the ``metric`` that grades them.

    Raises `NotFound`, and `BadRequest` for an unknown metric or runs that can't be compared.
    """
    ids = (wanted.candidate_run, wanted.baseline_run)
    candidate, baseline = (_head(database, run_id) for run_id in ids)
    differing = differences(candidate, baseline)
    if differing:
        on = ",".join(dict.fromkeys((candidate.target, baseline.target)))
        advice = f"run one suite on both: fairtrial eval SUITE.yaml --on {on}"
        raise BadRequest(
            f"runs {candidate.run_id} and {baseline.run_id} can't be compared: {'; '.join(differing)} ({advice})"
        )
    metric = _metric(wanted.metric, *(read_figures(database, run_id) for run_id in ids))
    return {"metric": metric} | run_cases.pairs(database, page, wanted, metric, lower=_lower(metric))


def _head(database: Database, run_id: str) -> RunEvent:
    found = runs.head(database, run_id)
    if found is None:
        raise run_names.unknown_run(database, run_id)
    return found


def _metric(name: str | None, *found: run_figures.RunFigures) -> str:
    """The metric of single cases with this name, or of the scorer with this name; by default the first one."""
    names = [metric for one in found for metric in one.metrics]
    names += [str(metric) for one in found for metric in one.run["metrics"]]
    known = list(dict.fromkeys(names))
    if name is None and known:
        return next((metric for metric in known if not metric.startswith(f"{SIGNALS}.")), known[0])
    for metric in known:
        if name == metric or name == metric.partition(".")[0]:
            return metric
    near = get_close_matches(name or "", known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise BadRequest(f"metric: cases have no score {name!r} ({hint}known: {', '.join(known) or 'none'})")


def _lower(metric: str) -> bool:
    """Whether less is better."""
    return metric.partition(".")[2] in LESS_IS_BETTER
