"""Routes for the figures, slices and cases of one run, or the cases of two runs side by side."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from evaluators.suite import MANY
from fairtrial.store.evaluations import run_cases, run_figures
from fairtrial.store.evaluations.run_cases import CaseFilter, Change, PairFilter
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.background.background_work import BackgroundWork
from gateway.control.errors import not_found
from gateway.control.responses import BackgroundDep, PageDep, as_json

router = APIRouter(tags=["runs"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))])
MOST_SLICES = 40
"""A tag with more values than this is an id rather than a slice."""
Text = Annotated[str | None, Query(max_length=200)]


@router.get("/runs/{run_id}/figures")
def figures(background: BackgroundDep, run_id: str) -> Response:
    """One run without its cases: summary, counts, latency, tokens, cost, and the metrics of its cases."""
    return as_json(_figures(background, run_id))


@router.get("/runs/{run_id}/slices")
def slices(background: BackgroundDep, run_id: str) -> Response:
    """Each metric's mean in every slice of each tag with 2 to 40 values."""
    _figures(background, run_id)
    query = run_figures.slices(run_id, separator=MANY, most=MOST_SLICES)
    return as_json({"rows": background.database.dicts(query)})


@router.get("/runs/{run_id}/cases")
def cases(
    background: BackgroundDep, page: PageDep, run_id: str, *, case: Text = None, outcome: Text = None, text: Text = None
) -> Response:
    """Cases of one run with answers and scores; ``total`` counts all matching cases."""
    _figures(background, run_id)
    return as_json(run_cases.cases(background.database, page, run_id, CaseFilter(case, outcome, text)))


@router.get("/comparisons/cases")
def pairs(
    background: BackgroundDep,
    page: PageDep,
    candidate_run: str,
    baseline_run: str,
    metric: Annotated[str, Query(max_length=200)],
    *,
    change: Change | None = None,
    case: Text = None,
) -> Response:
    """Cases of both runs side by side: lost, gained, same, both wrong or unscored by one metric."""
    for run_id in (candidate_run, baseline_run):
        _figures(background, run_id)
    wanted = PairFilter(metric, change, case)
    return as_json(run_cases.pairs(background.database, page, (candidate_run, baseline_run), wanted))


def _figures(background: BackgroundWork, run_id: str) -> run_figures.RunFigures:
    found = run_figures.figures(background.database, run_id)
    if found is None:
        raise not_found("run", run_id)
    return found
