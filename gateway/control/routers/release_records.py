"""Routes for the record of a verdict: approvals, freshness, evidence, recomputation and integrity."""

from __future__ import annotations

from typing import Literal

import msgspec
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from fairtrial.config.local_user import LOCAL_USER
from fairtrial.domain.errors import NotAllowed
from fairtrial.domain.verdicts.approvals import ApprovalVote
from fairtrial.store.evaluations import verdict_chain
from gateway.control.auth.authorization import AuthorizedRoute, ReleaseManager, require_role
from gateway.control.auth.identity import actor_of
from gateway.control.background.background_work import BackgroundWork
from gateway.control.errors import not_found
from gateway.control.operations.experiments.publisher import published_plan
from gateway.control.operations.verdicts.present import Present
from gateway.control.operations.verdicts.release.vote_on_verdict import find_verdict, vote_on_verdict
from gateway.control.responses import BackgroundDep, as_json

router = APIRouter(
    tags=["verdicts"], route_class=AuthorizedRoute, dependencies=[Depends(require_role("release-manager"))]
)
EXPORT_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


class Vote(BaseModel):
    """An approval or a rejection with its reason: one line of at most 500 visible characters."""

    model_config = ConfigDict(extra="forbid")

    why: str = Field(max_length=2000)


@router.get("/verdicts/integrity")
def whole(background: BackgroundDep) -> Response:
    """Whether all stored verdicts, their evidence and the audit trail are unchanged, and the head of the chain."""
    from gateway.control.operations.verdicts.release.release_record import integrity  # imports the gate when needed

    return as_json(integrity(background.database))


@router.get("/verdicts/{verdict_id}/record")
def record(background: BackgroundDep, verdict_id: str) -> Response:
    """One verdict with its approvals, why it may be stale, its place in the hash chain, and where it was used."""
    from gateway.control.operations.verdicts.release.release_record import release_record  # imports the gate

    verdict = find_verdict(background.database, verdict_id)
    return as_json(release_record(background.database, verdict, present(background)))


@router.get("/verdicts/{verdict_id}/evidence")
def evidence(background: BackgroundDep, verdict_id: str) -> Response:
    """Everything that the verdict rests on, as JSON: texts of gate and suites, scores, sums; no unit and no body.

    Numbers that are not finite are the texts `NaN`, `Infinity` and `-Infinity`, because JSON has no such numbers.
    """
    from evaluators.gate.evidence.document import strict_json_of  # imports the gate only when needed

    verdict = find_verdict(background.database, verdict_id)
    document = verdict_chain.evidence_of(background.database, verdict.verdict_id)
    if document is None:
        raise not_found("evidence", verdict_id)
    return Response(strict_json_of(document), media_type="application/json")


@router.get("/verdicts/{verdict_id}/export")
def export(background: BackgroundDep, verdict_id: str) -> Response:
    """One printable HTML page for an auditor, with the stored verdict, its evidence and the hash chain embedded."""
    from gateway.control.operations.verdicts.export.contents import read_contents  # imports the gate when needed
    from gateway.control.operations.verdicts.export.page import POLICY, render

    verdict = find_verdict(background.database, verdict_id)
    contents = read_contents(background.database, verdict, present(background))
    policy = f"{POLICY}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    headers = {**EXPORT_HEADERS, "content-security-policy": policy}
    return Response(render(contents), media_type="text/html", headers=headers)


@router.get("/verdicts/{verdict_id}/recomputation")
def recomputation(background: BackgroundDep, verdict_id: str) -> Response:
    """The verdict judged again from its stored evidence; nothing is stored."""
    from gateway.control.operations.verdicts.recompute import recompute  # imports the gate only when needed

    return as_json(recompute(background.database, verdict_id))


@router.get("/verdicts/{verdict_id}/integrity")
def one(background: BackgroundDep, verdict_id: str) -> Response:
    """Whether one verdict, its evidence, the chain and the audit trail are unchanged."""
    from gateway.control.operations.verdicts.release.release_record import integrity  # imports the gate when needed

    verdict = find_verdict(background.database, verdict_id)
    return as_json(integrity(background.database, verdict.verdict_id))


@router.post("/verdicts/{verdict_id}/{vote}")
def vote(
    background: BackgroundDep, verdict_id: str, vote: Literal["approve", "reject"], body: Vote, caller: ReleaseManager
) -> Response:
    """Approve or reject a verdict as the signed-in person. The last vote of each person counts."""
    actor = actor_of(caller, background.database.layout)
    if not caller.is_person and not actor.startswith(LOCAL_USER):
        raise NotAllowed("verdicts are approved by people: sign in instead of using an API key")
    cast: ApprovalVote = vote
    state = vote_on_verdict(
        background.database, verdict_id, cast, (actor, caller.role), why=body.why, now_us=background.clock_us()
    )
    found = {"waiting": state.waiting, "rejected": state.rejected, "complete": state.complete, "votes": state.votes}
    return as_json(msgspec.to_builtins(found))


def present(background: BackgroundWork) -> Present:
    """What is true now, for the freshness of verdicts."""
    publisher, time = background.publisher, background.clock.now()
    return Present(published_plan(publisher), publisher.release_gates, time.now_us, held=time.held)
