"""Routes of blind review for release managers: create, inspect, close and export queues."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fairtrial.store.reviews import queues as review_queues
from fairtrial.store.reviews.evidence import export_rows, read_evidence
from gateway.control.auth.authorization import AuthorizedRoute, ReleaseManager
from gateway.control.operations import fill_review_queue
from gateway.control.operations.requests.review_queue import QueueRequest
from gateway.control.responses import BackgroundDep, as_json

router = APIRouter(tags=["reviews"], route_class=AuthorizedRoute)


@router.post("/reviews/queues", status_code=201)
def create(background: BackgroundDep, wanted: QueueRequest, caller: ReleaseManager) -> Response:
    """Create a queue with pairs of answers by two targets to one suite; 400 says what to run first."""
    published = background.publisher.published
    queue_id = fill_review_queue.fill_review_queue(
        background.database,
        wanted,
        plan=published.plan if published else None,
        by=caller.name,
        now_us=background.clock_us(),
    )
    return as_json(review_queues.details(background.database, queue_id), status=201)


@router.get("/reviews/queues/{queue_id}")
def one(background: BackgroundDep, queue_id: str, _: ReleaseManager) -> Response:
    """One queue with all details. Preferences are included once it is closed."""
    return as_json(review_queues.details(background.database, queue_id))


@router.post("/reviews/queues/{queue_id}/close")
def close(background: BackgroundDep, queue_id: str, caller: ReleaseManager) -> Response:
    """Close a queue permanently."""
    review_queues.close(background.database, queue_id, by=caller.name, now_us=background.clock_us())
    return as_json(review_queues.details(background.database, queue_id))


@router.get("/reviews/queues/{queue_id}/export")
def export(background: BackgroundDep, queue_id: str, _: ReleaseManager) -> Response:
    """One row per vote of a closed queue, with the models named and reviewers hashed; 409 while it is open."""
    return as_json({"rows": export_rows(background.database, queue_id)})


@router.get("/reviews/status")
def status(background: BackgroundDep, _: ReleaseManager) -> Response:
    """Every queue with its two targets and its progress, newest first."""
    return as_json({"rows": review_queues.list_details(background.database)})


@router.get("/reviews/votes")
def votes(background: BackgroundDep, candidate: str, baseline: str, _: ReleaseManager) -> Response:
    """The queues of two targets with their votes as numbers, for a gate. Votes of unfinished queues are left out."""
    return as_json({"rows": read_evidence(background.database, candidate, baseline)})


@router.get("/reviews/evidence")
def evidence(background: BackgroundDep, candidate: str, baseline: str, _: ReleaseManager) -> Response:
    """The evidence that a gate uses for two targets: queues, votes and figures; null if there is none."""
    from evaluators.review.figures import figures_of  # imports numpy and scipy only when needed

    found = read_evidence(background.database, candidate, baseline)
    present = fill_review_queue.current_queues(found, background.publisher.published)
    read = [queue for queue in present if queue.readable and queue.votes]
    queues = [
        {"queue_id": one.queue_id, "title": one.title, "suite": one.suite, "state": one.state, "items": one.items}
        | {"settled": one.settled, "read": one in read, "present": one in present}
        for one in found
    ]
    return as_json({"queues": queues, "figures": figures_of(read) if read else None})
