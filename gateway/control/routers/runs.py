"""Runs of suites: summaries, the latest of each kind, and all events of one."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from fairtrial.store import runs
from gateway.control.answers import TheKeeper, ThePage, as_json, as_table
from gateway.control.errors import absent
from gateway.control.guard import Guarded, needs

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


def _found(keeper: TheKeeper, run_id: str) -> runs.RunEvents:
    found = runs.events(keeper.database, run_id)
    if found is None:
        raise absent("run", run_id)
    return found
