"""Implements the operations of blind review."""

from fairtrial.api.operation import Nothing
from fairtrial.api.review_answers import (
    ComparedByReview,
    ExportedVote,
    JudgedPair,
    OfferedQueue,
    QueueDetails,
    QueueEvidence,
    QueueRow,
    ReviewedPair,
    SavedDraft,
)
from fairtrial.api.reviews import CreateQueue, DraftOf, NameQueue, Skip, TwoTargets
from fairtrial.domain.errors import FairtrialError
from fairtrial.domain.plan import Plan
from fairtrial.domain.review import (
    DIMENSIONS,
    RUBRIC,
    SIDES,
    Draft,
    Next,
    ReviewEvidence,
    RubricRow,
)
from fairtrial.store.reviews import assignment, queues as stored_queues, votes as stored_votes
from gateway.control.context import Context
from gateway.control.review_queues import current_queues, fill_review_queue


def queues(context: Context, _: Nothing) -> list[OfferedQueue]:
    return assignment.queues_of(context.database, context.caller.account_id, now_us=context.now_us)


def rubric(_: Context, __: Nothing) -> tuple[RubricRow, ...]:
    return RUBRIC


def next_item(context: Context, request: NameQueue) -> Next:
    reviewer = context.caller.account_id
    return assignment.next_item(context.database, request.queue_id, reviewer, now_us=context.now_us)


def undo(context: Context, request: NameQueue) -> Next:
    reviewer = context.caller.account_id
    return stored_votes.undo(context.database, request.queue_id, reviewer=reviewer, now_us=context.now_us)


def draft(context: Context, request: DraftOf) -> SavedDraft:
    reviewer, now_us = context.caller.account_id, context.now_us
    expires_us = assignment.save(context.database, request.item_id, _draft(request), reviewer=reviewer, now_us=now_us)
    return SavedDraft(expires_us=expires_us)


def submit(context: Context, request: DraftOf) -> JudgedPair:
    caller = context.caller
    progress = stored_votes.submit(
        context.database,
        request.item_id,
        _draft(request),
        reviewer=caller.account_id,
        name=caller.name,
        now_us=context.now_us,
    )
    return JudgedPair(progress=progress)


def skip(context: Context, request: Skip) -> JudgedPair:
    reviewer, now_us = context.caller.account_id, context.now_us
    progress = stored_votes.skip(context.database, request.item_id, request.reason, reviewer=reviewer, now_us=now_us)
    return JudgedPair(progress=progress)


def create(context: Context, request: CreateQueue) -> QueueDetails:
    queue_id = fill_review_queue(
        context.database, request, plan=_plan_or_none(context), by=context.caller.author, now_us=context.now_us
    )
    return stored_queues.details(context.database, queue_id)


def one(context: Context, request: NameQueue) -> QueueDetails:
    return stored_queues.details(context.database, request.queue_id)


def close(context: Context, request: NameQueue) -> QueueDetails:
    stored_queues.close(context.database, request.queue_id, by=context.caller.author, now_us=context.now_us)
    return stored_queues.details(context.database, request.queue_id)


def export(context: Context, request: NameQueue) -> list[ExportedVote]:
    return stored_votes.export_rows(context.database, request.queue_id)


def pairs(context: Context, request: NameQueue) -> list[ReviewedPair]:
    return stored_votes.export_pairs(context.database, request.queue_id)


def status(context: Context, _: Nothing) -> list[QueueRow]:
    return stored_queues.list_details(context.database)


def votes(context: Context, request: TwoTargets) -> ReviewEvidence:
    return stored_votes.read_evidence(context.database, request.candidate, request.baseline)


def evidence(context: Context, request: TwoTargets) -> ComparedByReview:
    from evaluators.review.presentation import figures_of  # imports numpy and scipy only when needed

    evidence = stored_votes.read_evidence(context.database, request.candidate, request.baseline)
    present = current_queues(evidence, _plan_or_none(context))
    read = [queue for queue in present if queue.readable and queue.votes]
    rows = [
        QueueEvidence(
            queue_id=queue.queue_id,
            title=queue.title,
            suite=queue.suite,
            state=queue.state,
            items=queue.items,
            equal=len(queue.equal),
            settled=queue.settled,
            read=queue in read,
            present=queue in present,
        )
        for queue in evidence
    ]
    return ComparedByReview(queues=rows, figures=figures_of(read) if read else None)


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
