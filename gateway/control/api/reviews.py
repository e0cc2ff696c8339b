"""Implements the operations of blind review."""

from __future__ import annotations

from typing import Any

from fairtrial.api.operation import Nothing
from fairtrial.api.reviews import CreateQueue, DraftOf, NameQueue, Skip, TwoTargets
from fairtrial.domain.errors import FairtrialError
from fairtrial.domain.plan import Plan
from fairtrial.domain.review import DIMENSIONS, RUBRIC, SIDES, Draft, ReviewEvidence, RubricRow
from fairtrial.store.reviews import assignment
from fairtrial.store.reviews import queues as stored_queues
from fairtrial.store.reviews import votes as stored_evidence
from fairtrial.store.reviews import votes as stored_votes
from gateway.control.context import Context
from gateway.control.operations.fill_review_queue import current_queues, fill_review_queue


def queues(context: Context, _: Nothing) -> Any:
    return assignment.queues_of(context.database, context.caller.account_id, now_us=context.now_us)


def rubric(_: Context, __: Nothing) -> tuple[RubricRow, ...]:
    return RUBRIC


def next_item(context: Context, request: NameQueue) -> Any:
    reviewer = context.caller.account_id
    return assignment.next_item(context.database, request.queue_id, reviewer, now_us=context.now_us)


def undo(context: Context, request: NameQueue) -> Any:
    reviewer = context.caller.account_id
    return stored_votes.undo(context.database, request.queue_id, reviewer=reviewer, now_us=context.now_us)


def draft(context: Context, request: DraftOf) -> dict[str, Any]:
    reviewer, now_us = context.caller.account_id, context.now_us
    expires_us = assignment.save(context.database, request.item_id, _draft(request), reviewer=reviewer, now_us=now_us)
    return {"expires_us": expires_us}


def submit(context: Context, request: DraftOf) -> dict[str, Any]:
    caller = context.caller
    progress = stored_votes.submit(
        context.database,
        request.item_id,
        _draft(request),
        reviewer=caller.account_id,
        name=caller.name,
        now_us=context.now_us,
    )
    return {"progress": progress}


def skip(context: Context, request: Skip) -> dict[str, Any]:
    reviewer, now_us = context.caller.account_id, context.now_us
    progress = stored_votes.skip(context.database, request.item_id, request.reason, reviewer=reviewer, now_us=now_us)
    return {"progress": progress}


def create(context: Context, request: CreateQueue) -> Any:
    queue_id = fill_review_queue(
        context.database, request, plan=_plan_or_none(context), by=context.caller.author, now_us=context.now_us
    )
    return stored_queues.details(context.database, queue_id)


def one(context: Context, request: NameQueue) -> Any:
    return stored_queues.details(context.database, request.queue_id)


def close(context: Context, request: NameQueue) -> Any:
    stored_queues.close(context.database, request.queue_id, by=context.caller.author, now_us=context.now_us)
    return stored_queues.details(context.database, request.queue_id)


def export(context: Context, request: NameQueue) -> Any:
    return stored_evidence.export_rows(context.database, request.queue_id)


def pairs(context: Context, request: NameQueue) -> Any:
    return stored_evidence.export_pairs(context.database, request.queue_id)


def status(context: Context, _: Nothing) -> Any:
    return stored_queues.list_details(context.database)


def votes(context: Context, request: TwoTargets) -> ReviewEvidence:
    return stored_evidence.read_evidence(context.database, request.candidate, request.baseline)


def evidence(context: Context, request: TwoTargets) -> dict[str, Any]:
    from evaluators.review.presentation import figures_of  # imports numpy and scipy only when needed

    evidence = stored_evidence.read_evidence(context.database, request.candidate, request.baseline)
    present = current_queues(evidence, _plan_or_none(context))
    read = [queue for queue in present if queue.readable and queue.votes]
    rows = [
        {"queue_id": queue.queue_id, "title": queue.title, "suite": queue.suite, "state": queue.state}
        | {"items": queue.items, "settled": queue.settled, "read": queue in read, "present": queue in present}
        for queue in evidence
    ]
    return {"queues": rows, "figures": figures_of(read) if read else None}


def _plan_or_none(context: Context) -> Plan | None:
    """What is declared now; ``None`` if no plan is valid yet."""
    try:
        return context.owner.declaration().plan
    except FairtrialError:
        return None


def _draft(request: DraftOf) -> Draft:
    """The input with every side and dimension."""
    ratings = {
        side: {dimension: getattr(getattr(request.ratings, side), dimension) for dimension in DIMENSIONS}
        for side in SIDES
    }
    edited = {side: getattr(request.edited, side) for side in SIDES}
    return Draft(request.outcome, ratings, request.comment, edited, request.flagged)
