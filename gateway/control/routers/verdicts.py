"""Routes for verdicts: list, show, and judge. Control judges itself and accepts no verdict from a caller."""

from __future__ import annotations

import functools

import msgspec
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.domain.errors import Unavailable
from fairtrial.domain.storage import verdict_json
from fairtrial.experiments.published_state import find_experiment
from fairtrial.store.evaluations import verdicts
from gateway.control.auth.authorization import AuthorizedRoute, ReleaseManager, require_role
from gateway.control.auth.identity import actor_of
from gateway.control.errors import not_found
from gateway.control.operations.experiments.publisher import published_plan
from gateway.control.operations.requests.judgement import JudgeRequest
from gateway.control.responses import BackgroundDep, PageDep, as_json, as_verdicts

router = APIRouter(
    tags=["verdicts"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)
AT_ONCE, MAX_WAITING = 1, 8
"""Judging uses much CPU time, so only one runs at a time and few may wait. Ingest and pages stay responsive."""


@router.get("/verdicts")
def listing(
    request: Request,
    background: BackgroundDep,
    page: PageDep,
    gate: str | None = None,
    candidate: str | None = None,
    findings: bool = False,
) -> Response:
    """Verdicts in a time window, newest first; ``findings`` includes their findings.

    JSON rows also have `reads`, the decision with the state of its approvals, and `stale`, why a SHIP no longer stands.
    """
    if findings:
        whole = verdicts.with_findings(background.database, page, gate=gate, candidate=candidate)
        return as_json({"rows": [msgspec.Raw(verdict_json.encode(one)) for one in whole]})
    return as_verdicts(request, background, verdicts.listing(page, gate=gate, candidate=candidate))


@router.get("/verdicts/{verdict_id}")
def one(background: BackgroundDep, verdict_id: str) -> Response:
    """One verdict with all its findings."""
    found = verdicts.find(background.database, verdict_id)
    if found is None:
        raise not_found("verdict", verdict_id)
    return Response(verdict_json.encode(found), media_type="application/json")


@router.post("/verdicts", status_code=201)
async def judge(request: Request, background: BackgroundDep, wanted: JudgeRequest, caller: ReleaseManager) -> Response:
    """Judge a candidate by a gate on the stored runs of its suites, then store and return the verdict.

    No file that the body names is opened. A suite without a stored run is a HOLD; a mistake in the gate is a 400.
    """
    limiter: CapacityLimiter = request.app.state.judging
    if limiter.statistics().tasks_waiting >= MAX_WAITING:
        raise Unavailable(f"verdicts: {MAX_WAITING} gates are already waiting to be judged; try again later")
    actor = actor_of(caller, background.database.layout)
    text = await run_sync(functools.partial(_judge, background, wanted, actor), limiter=limiter)
    return Response(text, status_code=201, media_type="application/json")


class JudgeVariant(BaseModel):
    """Which variant to judge, by default the only treatment."""

    model_config = ConfigDict(extra="forbid")

    variant: str | None = Field(default=None, max_length=200)


@router.post("/official-verdicts/{name}", status_code=201)
async def judge_variant(
    request: Request, background: BackgroundDep, name: str, wanted: JudgeVariant, caller: ReleaseManager
) -> Response:
    """Judge a variant of the experiment by its official gate, as the gate's file is now, on the stored runs."""
    from gateway.control.operations.verdicts.release.release_check import request_for_variant  # imports the gate

    plan = published_plan(background.publisher)
    experiment = find_experiment(plan, name)
    asked = request_for_variant(plan, experiment, wanted.variant, background.publisher.release_gates)
    return await judge(request, background, asked, caller)


def _judge(background: BackgroundDep, wanted: JudgeRequest, asked_by: str) -> bytes:
    from gateway.control.operations.judge_candidate import judge_candidate  # imports the gate only when needed
    from gateway.control.operations.verdicts.provenance import Asked

    background.publisher.refresh()
    published = background.publisher.published
    if published is None:
        raise Unavailable("verdicts: no plan is published yet, so the candidate is unknown")
    gates, time = background.publisher.release_gates, background.clock.now()
    asked = Asked(published.plan, asked_by, gates, background.publisher.root, time.held)
    return verdict_json.encode(judge_candidate(background.database, wanted, asked, now_us=time.now_us))
