"""Implements the operations of blind review."""

import secrets

from msgspec.structs import replace

from evaluators.engine.run_events import run_of
from evaluators.engine.target import resolve
from evaluators.review.sampling import SEEDS, draw_pairs, names_of, newest_pair, rule_of, title_of
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
from fairtrial.domain.errors import FairtrialError, UsageError
from fairtrial.domain.plan import Plan
from fairtrial.domain.review import DIMENSIONS, RUBRIC, SIDES, Draft, Next, ReviewedQueue, ReviewEvidence, RubricRow
from fairtrial.domain.run import Run
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import runs
from fairtrial.store.reviews import assignment, queues as stored_queues, votes as stored_votes
from fairtrial.store.reviews.queues import NewQueue
from gateway.control.context import Context


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


def fill_review_queue(database: Database, request: CreateQueue, *, plan: Plan | None, by: str, now_us: int) -> str:
    """Create the queue and return its id; raises `UsageError` that says what is missing and what to run."""
    candidate, baseline = _runs(database, request)
    if plan is not None and request.suite is not None:
        _require_current(plan, candidate, baseline)
    seed = secrets.randbelow(SEEDS) if request.seed is None else request.seed
    draw = replace(request, seed=seed)
    names = names_of(plan, candidate.target, baseline.target)
    pairs = draw_pairs(candidate, baseline, draw, names=names)
    judged = sum(pair.wants > 0 for pair in pairs)
    queue = NewQueue(
        title=title_of(request.title, candidate.suite, judged, names=names),
        suite=candidate.suite,
        suite_digest=candidate.suite_digest,
        candidate=candidate.target,
        baseline=baseline.target,
        candidate_digest=candidate.deployment_digest,
        baseline_digest=baseline.deployment_digest,
        candidate_run=candidate.run_id,
        baseline_run=baseline.run_id,
        names=names,
        rule=rule_of(draw, pairs),
        created_by=by,
    )
    return stored_queues.create(database, queue, pairs, now_us=now_us)


def current_queues(evidence: ReviewEvidence, plan: Plan | None) -> list[ReviewedQueue]:
    """The queues whose two targets are defined in the plan as they were when the queue was filled."""
    if plan is None:
        return list(evidence)
    return [queue for queue in evidence if _defined(queue, plan)]


def _defined(queue: ReviewedQueue, plan: Plan) -> bool:
    now = _digest(plan, queue.candidate), _digest(plan, queue.baseline)
    return now == (queue.candidate_digest, queue.baseline_digest)


def _require_current(plan: Plan, *runs: Run) -> None:
    """Refuse runs of targets that have changed since, because no gate would count their reviews."""
    for run in runs:
        now = _digest(plan, run.target)
        if now is not None and now != run.deployment_digest:
            again = f"run it again: fairtrial eval SUITE.yaml --on {run.target}; or name both runs by their ids"
            raise UsageError(f"reviews: {run.target} has changed since {run.suite} was run ({again})")


def _digest(plan: Plan, target: str) -> str | None:
    """The digest of the target's current definition; ``None`` if the plan no longer has it."""
    try:
        return resolve(target, plan, base_url="").deployment_digest
    except UsageError:
        return None


def _runs(database: Database, request: CreateQueue) -> tuple[Run, Run]:
    by_id, by_name = (request.candidate_run, request.baseline_run), (request.suite, request.candidate, request.baseline)
    if all(by_id) and not any(by_name):
        return _run(database, str(by_id[0])), _run(database, str(by_id[1]))
    if not all(by_name) or any(by_id):
        raise UsageError("reviews: name suite, candidate and baseline, or candidate_run and baseline_run")
    suite, candidate, baseline = map(str, by_name)
    if candidate == baseline:
        raise UsageError(f"reviews: candidate and baseline are both {candidate}; choose two different targets")
    new, old = (
        [_run(database, run_id) for run_id in runs.latest(database, suite=suite, target=target)]
        for target in (candidate, baseline)
    )
    return newest_pair(new, old, names=(suite, candidate, baseline))


def _run(database: Database, run_id: str) -> Run:
    events = runs.events(database, run_id)
    if events is None:
        raise UsageError(f"reviews: there is no run with the id {run_id!r} (see: fairtrial eval)")
    return run_of(events)
