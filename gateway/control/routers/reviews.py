"""Blind review, for reviewers: what waits for them, the next pair, and what they say of it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fairtrial.domain.reviews.rubric import RUBRIC
from fairtrial.store.reviews import assignment, drafts, votes
from gateway.control.auth.authorization import Guarded, Person, Reviewer
from gateway.control.responses import TheKeeper, as_json
from gateway.control.review_schemas import DraftBody, SkipBody

router = APIRouter(tags=["reviews"], route_class=Guarded)


@router.get("/reviews/queues")
def queues(keeper: TheKeeper, caller: Reviewer) -> Response:
    """The queues by title, with counts; never a name, a model or a run."""
    return as_json({"rows": assignment.queues(keeper.database, caller.account_id, now_us=keeper.clock_us())})


@router.get("/reviews/rubric")
def rubric(_: Reviewer) -> Response:
    """The dimensions, each with its question and one sentence for each mark from 1 to 5."""
    return as_json({"rows": RUBRIC})


@router.post("/reviews/queues/{queue_id}/next")
def next_item(keeper: TheKeeper, queue_id: str, caller: Person) -> Response:
    """Claim the next pair for ten minutes; the one that is held already comes again, with its draft."""
    found = assignment.next_item(keeper.database, queue_id, caller.account_id, now_us=keeper.clock_us())
    return as_json(found)


@router.post("/reviews/queues/{queue_id}/undo")
def undo(keeper: TheKeeper, queue_id: str, caller: Person) -> Response:
    """Take the latest vote back: its pair is held again, with what was said as its draft."""
    return as_json(votes.undo(keeper.database, queue_id, reviewer=caller.account_id, now_us=keeper.clock_us()))


@router.put("/reviews/items/{item_id}/draft")
def draft(keeper: TheKeeper, item_id: str, body: DraftBody, caller: Person) -> Response:
    """Keep what is said so far, and the pair for ten more minutes; 409 if another reviewer has it now."""
    now_us, reviewer = keeper.clock_us(), caller.account_id
    return as_json({"expires_us": drafts.save(keeper.database, item_id, body.draft, reviewer=reviewer, now_us=now_us)})


@router.post("/reviews/items/{item_id}/submit")
def submit(keeper: TheKeeper, item_id: str, body: DraftBody, caller: Person) -> Response:
    """Vote; 400 says what is missing, 409 that another reviewer has the pair now."""
    now_us, reviewer = keeper.clock_us(), caller.account_id
    progress = votes.submit(keeper.database, item_id, body.draft, reviewer=reviewer, name=caller.name, now_us=now_us)
    return as_json({"progress": progress})


@router.post("/reviews/items/{item_id}/skip")
def skip(keeper: TheKeeper, item_id: str, caller: Person, body: SkipBody | None = None) -> Response:
    """Pass the pair over: it stays for others and does not come again."""
    reason = body.reason if body else ""
    now_us, reviewer = keeper.clock_us(), caller.account_id
    return as_json({"progress": votes.skip(keeper.database, item_id, reason, reviewer=reviewer, now_us=now_us)})
