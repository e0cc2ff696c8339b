"""Verdicts of gates: given by control on what the store has, shown to release managers; none is taken from a caller."""

from __future__ import annotations

import functools

import msgspec
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response

from fairtrial.domain.errors import Unavailable
from fairtrial.store.access.sessions import LOCAL
from fairtrial.store.evaluations import verdict_json, verdicts
from gateway.control.auth.authorization import Guarded, ReleaseManager, needs
from gateway.control.auth.identity import Caller
from gateway.control.errors import absent
from gateway.control.operations.judge_candidate import JudgeRequest, judge_candidate
from gateway.control.responses import TheKeeper, ThePage, as_json, as_table

router = APIRouter(tags=["verdicts"], route_class=Guarded, dependencies=[Depends(needs("release-manager"))])
AT_ONCE, MOST_WAITING = 1, 8
"""Judging is long work on the CPU: one at a time, so that ingest and pages go on, and few that wait for it."""


@router.get("/verdicts")
def listing(
    request: Request,
    keeper: TheKeeper,
    page: ThePage,
    gate: str | None = None,
    candidate: str | None = None,
    findings: bool = False,
) -> Response:
    """Verdicts of a window, newest first; with ``findings`` each is whole."""
    if findings:
        whole = verdicts.whole(keeper.database, page, gate=gate, candidate=candidate)
        return as_json({"rows": [msgspec.Raw(verdict_json.encode(one)) for one in whole]})
    return as_table(request, keeper.database, verdicts.listing(page, gate=gate, candidate=candidate))


@router.get("/verdicts/{verdict_id}")
def one(keeper: TheKeeper, verdict_id: str) -> Response:
    """One verdict, whole."""
    found = verdicts.one(keeper.database, verdict_id)
    if found is None:
        raise absent("verdict", verdict_id)
    return Response(verdict_json.encode(found), media_type="application/json")


@router.post("/verdicts", status_code=201)
async def judge(request: Request, keeper: TheKeeper, asked: JudgeRequest, caller: ReleaseManager) -> Response:
    """Judge a candidate by a gate's text on the stored runs of these suites; the answer is the verdict, stored.

    Nothing that the body names is opened. A suite of which no run is stored is a HOLD; 400 for a mistake in the gate.
    """
    limiter: CapacityLimiter = request.app.state.judging
    if limiter.statistics().tasks_waiting >= MOST_WAITING:
        raise Unavailable(f"verdicts: {MOST_WAITING} gates are waiting to be judged already; ask again")
    text = await run_sync(functools.partial(_judge, keeper, asked, _described(caller)), limiter=limiter)
    return Response(text, status_code=201, media_type="application/json")


def _judge(keeper: TheKeeper, asked: JudgeRequest, asked_by: str) -> bytes:
    keeper.publisher.refresh()
    published = keeper.publisher.published
    if published is None:
        raise Unavailable("verdicts: no plan is published yet, so nobody knows what the candidate is")
    now_us = keeper.clock_us()
    verdict = judge_candidate(keeper.database, asked, plan=published.plan, asked_by=asked_by, now_us=now_us)
    return verdict_json.encode(verdict)


def _described(caller: Caller) -> str:
    """Who asked, as the verdict names them."""
    if caller.account_id == LOCAL.account_id:
        return "the local user"
    return f"account {caller.name}" if caller.is_person else f"key {caller.name}"
