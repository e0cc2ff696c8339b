"""Runs of suites: summaries, the latest of each kind, and all events of one."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from fairtrial.store.evaluations import run_columns, runs
from gateway.control.auth.authorization import Guarded, needs
from gateway.control.errors import absent
from gateway.control.responses import TheKeeper, ThePage, as_arrow, as_json, as_table

router = APIRouter(tags=["runs"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])
LINES = "application/x-ndjson"


@router.get("/runs")
def listing(
    request: Request, keeper: TheKeeper, page: ThePage, suite: str | None = None, target: str | None = None
) -> Response:
    """Runs of a window, newest first."""
    return as_table(request, keeper.database, runs.listing(page, suite=suite, target=target))


@router.get("/runs/latest")
def latest(
    keeper: TheKeeper, suite: str | None = None, target: str | None = None, suite_digest: str | None = None
) -> Response:
    """The ids of the newest finished run of each suite, target and suite digest."""
    return as_json(runs.latest(keeper.database, suite=suite, target=target, suite_digest=suite_digest))


@router.get("/runs/{run_id}")
def one(keeper: TheKeeper, run_id: str) -> Response:
    """One run with its results and scores."""
    found = _found(keeper, run_id)
    return as_json({"run": found.run, "results": found.results, "scores": found.scores})


@router.get("/runs/{run_id}/events")
def events(keeper: TheKeeper, run_id: str) -> Response:
    """Everything that the journal said of one run, a JSON line each; the run itself comes last."""
    lines = b"".join(msgspec.json.encode(event) + b"\n" for event in _found(keeper, run_id))
    return Response(lines, media_type=LINES)


@router.get("/runs/{run_id}/columns")
def columns(keeper: TheKeeper, run_id: str) -> Response:
    """One run without texts, as an Arrow stream: a row a result with all its scores; the run is in the metadata."""
    found = run_columns.columns(keeper.database, run_id)
    if found is None:
        raise absent("run", run_id)
    return as_arrow(found)


@router.get("/runs/{run_id}/details")
def details(keeper: TheKeeper, run_id: str, scorer: Annotated[str, Query(max_length=200)]) -> Response:
    """What one scorer noted of each result, as an Arrow stream: its row in the columns, and JSON."""
    if runs.head(keeper.database, run_id) is None:
        raise absent("run", run_id)
    return as_arrow(run_columns.details(keeper.database, run_id, scorer))


def _found(keeper: TheKeeper, run_id: str) -> runs.RunEvents:
    found = runs.events(keeper.database, run_id)
    if found is None:
        raise absent("run", run_id)
    return found
