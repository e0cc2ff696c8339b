"""Routes for the figures, slices and cases of one run, or the cases of two runs side by side."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from evaluators.suite import MANY
from fairtrial.domain.names.case_words import Change, Grade
from fairtrial.store.evaluations import run_figures
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.operations.read_run_cases import CaseRequest, PairRequest, read_cases, read_figures, read_pairs
from gateway.control.responses import BackgroundDep, PageDep, as_json

router = APIRouter(tags=["runs"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))])
MOST_SLICES = 40
"""A tag with more values than this is an id rather than a slice."""
Text = Annotated[str | None, Query(max_length=200)]


@router.get("/runs/{run_id}/figures")
def figures(background: BackgroundDep, run_id: str) -> Response:
    """One run without its cases: summary, counts, latency, tokens, cost, and the metrics of its cases."""
    return as_json(read_figures(background.database, run_id))


@router.get("/runs/{run_id}/slices")
def slices(background: BackgroundDep, run_id: str) -> Response:
    """Each metric's mean in every slice of each tag with 2 to 40 values."""
    read_figures(background.database, run_id)
    query = run_figures.slices(run_id, separator=MANY, most=MOST_SLICES)
    return as_json({"rows": background.database.dicts(query)})


@router.get("/runs/{run_id}/cases")
def cases(
    background: BackgroundDep,
    page: PageDep,
    run_id: str,
    *,
    metric: Text = None,
    grade: Grade | None = None,
    case: Text = None,
    outcome: Text = None,
    text: Text = None,
) -> Response:
    """Cases of one run with answers and scores; ``total`` counts all matching cases.

    Each has a ``grade`` by ``metric`` (default: the run's first one): right, wrong or unscored. ``counts`` has all
    cases by grade. ``texts_deleted`` marks and counts cases whose texts retention has deleted.
    """
    wanted = CaseRequest(metric, grade, case, outcome, text)
    return as_json(read_cases(background.database, page, run_id, wanted))


@router.get("/comparisons/cases")
def pairs(
    background: BackgroundDep,
    page: PageDep,
    candidate_run: str,
    baseline_run: str,
    *,
    metric: Text = None,
    change: Change | None = None,
    case: Text = None,
    text: Text = None,
) -> Response:
    """Cases of both runs side by side: lost, gained, same, both wrong or unscored by one metric.

    ``metric`` is by default their first one. Runs that can't be compared give 400.
    """
    wanted = PairRequest(metric, change, case, text)
    return as_json(read_pairs(background.database, page, (candidate_run, baseline_run), wanted))
