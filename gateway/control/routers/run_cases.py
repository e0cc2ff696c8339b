"""Runs in depth: figures, slices, and cases a page at a time, of one run or of two side by side."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from evaluators.suite import MANY
from fairtrial.store.evaluations import run_cases, run_figures
from fairtrial.store.evaluations.run_cases import CaseFilter, Change, PairFilter
from gateway.control.auth.authorization import Guarded, needs
from gateway.control.background.background_work import Keeper
from gateway.control.errors import absent
from gateway.control.responses import TheKeeper, ThePage, as_json

router = APIRouter(tags=["runs"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])
MOST_SLICES = 40
"""A tag of more values than that is an id rather than a slice."""
Text = Annotated[str | None, Query(max_length=200)]


@router.get("/runs/{run_id}/figures")
def figures(keeper: TheKeeper, run_id: str) -> Response:
    """One run without its cases: summary, counts, latency, tokens, cost, and the metrics that each case has."""
    return as_json(_figures(keeper, run_id))


@router.get("/runs/{run_id}/slices")
def slices(keeper: TheKeeper, run_id: str) -> Response:
    """Each metric's mean in each slice of every tag that has 2 to 40 values."""
    _figures(keeper, run_id)
    query = run_figures.slices(run_id, separator=MANY, most=MOST_SLICES)
    return as_json({"rows": keeper.database.dicts(query)})


@router.get("/runs/{run_id}/cases")
def cases(
    keeper: TheKeeper, page: ThePage, run_id: str, *, case: Text = None, outcome: Text = None, text: Text = None
) -> Response:
    """Cases of one run with answer and scores; ``total`` counts all that are wanted."""
    _figures(keeper, run_id)
    return as_json(run_cases.cases(keeper.database, page, run_id, CaseFilter(case, outcome, text)))


@router.get("/comparisons/cases")
def pairs(
    keeper: TheKeeper,
    page: ThePage,
    candidate_run: str,
    baseline_run: str,
    metric: Annotated[str, Query(max_length=200)],
    *,
    change: Change | None = None,
    case: Text = None,
) -> Response:
    """Cases that both runs have, side by side: lost, gained, same, both wrong or unscored by one metric."""
    for run_id in (candidate_run, baseline_run):
        _figures(keeper, run_id)
    wanted = PairFilter(metric, change, case)
    return as_json(run_cases.pairs(keeper.database, page, (candidate_run, baseline_run), wanted))


def _figures(keeper: Keeper, run_id: str) -> run_figures.RunFigures:
    found = run_figures.figures(keeper.database, run_id)
    if found is None:
        raise absent("run", run_id)
    return found
