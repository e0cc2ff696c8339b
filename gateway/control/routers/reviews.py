"""Routes of blind review for reviewers: queues, the next pair, drafts and votes."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fairtrial.domain.reviews.rubric import RUBRIC
from fairtrial.store.reviews import assignment, drafts, votes
from gateway.control.auth.authorization import AuthorizedRoute, Person, Reviewer
from gateway.control.responses import BackgroundDep, as_json
from gateway.control.review_schemas import DraftBody, SkipBody

router = APIRouter(tags=["reviews"], route_class=AuthorizedRoute)


@router.get("/reviews/queues")
def queues(background: BackgroundDep, caller: Reviewer) -> Response:
    """The queues with titles and counts, without targets, models or runs."""
    return as_json({"rows": assignment.queues_of(background.database, caller.account_id, now_us=background.clock_us())})


@router.get("/reviews/rubric")
def rubric(_: Reviewer) -> Response:
    """The dimensions, each with its question and one sentence per rating from 1 to 5."""
    return as_json({"rows": RUBRIC})


@router.post("/reviews/queues/{queue_id}/next")
def next_item(background: BackgroundDep, queue_id: str, caller: Person) -> Response:
    """Claim the next pair for ten minutes. A pair that is already claimed is returned again with its draft."""
    found = assignment.next_item(background.database, queue_id, caller.account_id, now_us=background.clock_us())
    return as_json(found)


@router.post("/reviews/queues/{queue_id}/undo")
def undo(background: BackgroundDep, queue_id: str, caller: Person) -> Response:
    """Undo the latest vote. Its pair is claimed again, with the vote as its draft."""
    return as_json(votes.undo(background.database, queue_id, reviewer=caller.account_id, now_us=background.clock_us()))


@router.put("/reviews/items/{item_id}/draft")
def draft(background: BackgroundDep, item_id: str, body: DraftBody, caller: Person) -> Response:
    """Save a draft and extend the claim by ten minutes; 409 if another reviewer has claimed the pair."""
    now_us, reviewer = background.clock_us(), caller.account_id
    return as_json(
        {"expires_us": drafts.save(background.database, item_id, body.draft, reviewer=reviewer, now_us=now_us)}
    )


@router.post("/reviews/items/{item_id}/submit")
def submit(background: BackgroundDep, item_id: str, body: DraftBody, caller: Person) -> Response:
    """Submit a vote; 400 says what is missing, 409 means that another reviewer has claimed the pair."""
    now_us, reviewer = background.clock_us(), caller.account_id
    progress = votes.submit(
        background.database, item_id, body.draft, reviewer=reviewer, name=caller.name, now_us=now_us
    )
    return as_json({"progress": progress})


@router.post("/reviews/items/{item_id}/skip")
def skip(background: BackgroundDep, item_id: str, caller: Person, body: SkipBody | None = None) -> Response:
    """Skip the pair. It stays available to others and is not shown to this reviewer again."""
    reason = body.reason if body else ""
    now_us, reviewer = background.clock_us(), caller.account_id
    return as_json({"progress": votes.skip(background.database, item_id, reason, reviewer=reviewer, now_us=now_us)})
