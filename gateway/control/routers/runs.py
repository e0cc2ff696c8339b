"""Routes for runs of suites: lists, the newest of each kind, and single runs as events or columns."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from fairtrial.store.evaluations import run_columns, run_names, runs
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.errors import not_found
from gateway.control.responses import BackgroundDep, PageDep, as_arrow, as_json, as_table

router = APIRouter(tags=["runs"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))])
LINES = "application/x-ndjson"


@router.get("/runs")
def listing(
    request: Request, background: BackgroundDep, page: PageDep, suite: str | None = None, target: str | None = None
) -> Response:
    """Runs in a time window, newest first."""
    return as_table(request, background.database, runs.listing(page, suite=suite, target=target))


@router.get("/runs/latest")
def latest(
    background: BackgroundDep, suite: str | None = None, target: str | None = None, suite_digest: str | None = None
) -> Response:
    """The ids of the newest finished run of each suite, target and suite digest."""
    return as_json(runs.latest(background.database, suite=suite, target=target, suite_digest=suite_digest))


@router.get("/runs/resolve")
def resolve(background: BackgroundDep, name: Annotated[str, Query(min_length=1, max_length=400)]) -> Response:
    """The id of the run with this id, with an id that begins so, or of the newest finished run of SUITE@TARGET."""
    return as_json({"run_id": run_names.find_run(background.database, name)})


@router.get("/runs/{run_id}")
def one(background: BackgroundDep, run_id: str) -> Response:
    """One run with its results and scores."""
    found = _found(background, run_id)
    return as_json({"run": found.run, "results": found.results, "scores": found.scores})


@router.get("/runs/{run_id}/events")
def events(background: BackgroundDep, run_id: str) -> Response:
    """All journal events of one run, one JSON line each; the run itself comes last."""
    lines = b"".join(msgspec.json.encode(event) + b"\n" for event in _found(background, run_id))
    return Response(lines, media_type=LINES)


@router.get("/runs/{run_id}/columns")
def columns(background: BackgroundDep, run_id: str) -> Response:
    """One run without texts as an Arrow stream: one row per result with its scores; the run is in the metadata."""
    found = run_columns.columns(background.database, run_id)
    if found is None:
        raise not_found("run", run_id)
    return as_arrow(found)


@router.get("/runs/{run_id}/details")
def details(background: BackgroundDep, run_id: str, scorer: Annotated[str, Query(max_length=200)]) -> Response:
    """One scorer's details of each result as an Arrow stream: the row number in the columns, and JSON."""
    if runs.head(background.database, run_id) is None:
        raise not_found("run", run_id)
    return as_arrow(run_columns.details(background.database, run_id, scorer))


def _found(background: BackgroundDep, run_id: str) -> runs.RunEvents:
    found = runs.events(background.database, run_id)
    if found is None:
        raise not_found("run", run_id)
    return found
