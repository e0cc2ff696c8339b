"""Blind review, for release managers: queues made, looked into, closed, and what they say."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fairtrial.store.reviews import evidence as review_evidence
from fairtrial.store.reviews import queues as review_queues
from gateway.control.auth.authorization import Guarded, ReleaseManager
from gateway.control.operations import fill_review_queue
from gateway.control.operations.fill_review_queue import QueueWish
from gateway.control.responses import TheKeeper, as_json

router = APIRouter(tags=["reviews"], route_class=Guarded)


@router.post("/reviews/queues", status_code=201)
def create(keeper: TheKeeper, wish: QueueWish, caller: ReleaseManager) -> Response:
    """Fill a queue with pairs of answers that two targets gave to one suite; 400 says what to run first."""
    published = keeper.publisher.published
    queue_id = fill_review_queue.fill(
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
    review_queues.close(keeper.database, queue_id, by=caller.name, now_us=keeper.clock_us())
    return as_json(review_queues.details(keeper.database, queue_id))


@router.get("/reviews/queues/{queue_id}/export")
def export(keeper: TheKeeper, queue_id: str, _: ReleaseManager) -> Response:
    """One row a vote of a closed queue, models told and reviewers by a hash; 409 while it is open."""
    return as_json({"rows": review_evidence.rows(keeper.database, queue_id)})


@router.get("/reviews/status")
def status(keeper: TheKeeper, _: ReleaseManager) -> Response:
    """Every queue, with whom it compares and how far it is; newest first."""
    return as_json({"rows": review_queues.all_details(keeper.database)})


@router.get("/reviews/votes")
def votes(keeper: TheKeeper, candidate: str, baseline: str, _: ReleaseManager) -> Response:
    """The queues of two targets with their votes as numbers, for a gate; those of a queue that is not done are kept."""
    return as_json({"rows": review_evidence.read(keeper.database, candidate, baseline)})


@router.get("/reviews/evidence")
def evidence(keeper: TheKeeper, candidate: str, baseline: str, _: ReleaseManager) -> Response:
    """What a gate reads of two targets: which queues, how many votes, and the figures; null where there is none."""
    from evaluators.review.statistics import figures_of  # numpy and scipy, for those who ask only

    found = review_evidence.read(keeper.database, candidate, baseline)
    present = fill_review_queue.present(found, keeper.publisher.published)
    read = [queue for queue in present if queue.readable and queue.votes]
    queues = [
        {"queue_id": one.queue_id, "title": one.title, "suite": one.suite, "state": one.state, "items": one.items}
        | {"settled": one.settled, "read": one in read, "present": one in present}
        for one in found
    ]
    return as_json({"queues": queues, "figures": figures_of(read) if read else None})
