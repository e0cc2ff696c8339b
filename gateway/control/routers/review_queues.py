"""Blind review, for release managers: queues made, looked into, closed."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fairtrial.store import review_queues
from gateway.control import review_filling
from gateway.control.answers import TheKeeper, as_json
from gateway.control.guard import Guarded, ReleaseManager
from gateway.control.review_filling import QueueWish

router = APIRouter(tags=["reviews"], route_class=Guarded)


@router.post("/reviews/queues", status_code=201)
def create(keeper: TheKeeper, wish: QueueWish, caller: ReleaseManager) -> Response:
    """Fill a queue with pairs of answers that two targets gave to one suite; 400 says what to run first."""
    published = keeper.publisher.published
    queue_id = review_filling.fill(
        keeper.database,
        wish,
        plan=published.plan if published else None,
        by=caller.name,
        now_us=keeper.clock_us(),
    )
    return as_json(review_queues.details(keeper.database, queue_id), status=201)


@router.get("/reviews/queues/{queue_id}")
def one(keeper: TheKeeper, queue_id: str, _: ReleaseManager) -> Response:
    """Everything about one queue; what was preferred is told once it is closed."""
    return as_json(review_queues.details(keeper.database, queue_id))


@router.post("/reviews/queues/{queue_id}/close")
def close(keeper: TheKeeper, queue_id: str, caller: ReleaseManager) -> Response:
    """End a queue for good."""
    review_filling.close(keeper.database, queue_id, by=caller.name, now_us=keeper.clock_us())
    return as_json(review_queues.details(keeper.database, queue_id))
