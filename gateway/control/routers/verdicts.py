"""Verdicts of gates: saved by the command line, shown to everyone."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from fairtrial.domain.errors import BadRequest
from fairtrial.store import audit, verdict_json, verdicts
from gateway.control.answers import TheKeeper, ThePage, as_json, as_table
from gateway.control.errors import absent
from gateway.control.guard import GuardedLarge, ReleaseManager, needs

router = APIRouter(tags=["verdicts"], route_class=GuardedLarge, dependencies=[Depends(needs("release-manager"))])


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
async def save(request: Request, keeper: TheKeeper, caller: ReleaseManager) -> Response:
    """Keep a verdict that a gate gave."""
    return await run_in_threadpool(_save, keeper, await request.body(), caller.name)


def _save(keeper: TheKeeper, body: bytes, actor: str) -> Response:
    try:
        verdict = verdict_json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"verdict: {error}") from error
    verdicts.save(keeper.database, verdict)
    subject, details = verdict.verdict_id, {"decision": verdict.decision, "candidate": verdict.candidate}
    audit.record(
        keeper.database,
        now_us=keeper.clock_us(),
        actor=actor,
        action="verdict.save",
        subject=subject,
        details=details,
    )
    return as_json({"verdict_id": verdict.verdict_id}, status=201)
