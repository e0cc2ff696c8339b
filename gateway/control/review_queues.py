"""Fills queues of blind review from runs and from shadows, and finds those whose models are still the same."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from evaluators.engine.run_events import run_of
from evaluators.engine.target import resolve
from evaluators.review.sampling import (
    SEEDS,
    draw_pairs,
    draw_shadow_pairs,
    names_of,
    newest_pair,
    rule_of,
    title_of,
)
from fairtrial.api.reviews import CreateQueue
from fairtrial.domain.errors import UsageError, nearest
from fairtrial.domain.plan import Plan
from fairtrial.domain.review import Pair, ReviewedQueue, ReviewEvidence
from fairtrial.domain.run import Run
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import runs
from fairtrial.store.reviews import queues
from fairtrial.store.reviews.queues import NewQueue
from fairtrial.store.traffic import shadows
from gateway.control.shadows import known_shadows


def fill_review_queue(database: Database, request: CreateQueue, *, plan: Plan | None, by: str, now_us: int) -> str:
    """Create the queue and return its id; raises `UsageError` that says what is missing and what to run."""
    seed = secrets.randbelow(SEEDS) if request.seed is None else request.seed
    draw = replace(request, seed=seed)
    source = _of_runs(database, draw, plan) if request.shadow is None else _of_shadow(database, draw, plan)
    judged = sum(pair.wants > 0 for pair in source.pairs)
    queue = NewQueue(
        title=title_of(request.title, source.suite, judged, names=source.names),
        suite=source.suite,
        suite_digest=source.suite_digest,
        candidate=source.targets[0],
        baseline=source.targets[1],
        candidate_digest=source.digests[0],
        baseline_digest=source.digests[1],
        candidate_run=source.runs[0],
        baseline_run=source.runs[1],
        names=source.names,
        rule=rule_of(draw, source.pairs),
        created_by=by,
    )
    return queues.create(database, queue, source.pairs, now_us=now_us)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the pairs of a queue come from. ``targets``, ``digests``, ``runs``: of the candidate and the baseline."""

    suite: str
    suite_digest: str
    targets: tuple[str, str]
    digests: tuple[str, str]
    names: Sequence[str]
    pairs: Sequence[Pair]
    runs: tuple[str, str] = ("", "")


def _of_runs(database: Database, draw: CreateQueue, plan: Plan | None) -> _Source:
    candidate, baseline = _runs(database, draw)
    if plan is not None and draw.suite is not None:
        _require_current(plan, candidate, baseline)
    names = names_of(plan, candidate.target, baseline.target)
    return _Source(
        suite=candidate.suite,
        suite_digest=candidate.suite_digest,
        targets=(candidate.target, baseline.target),
        digests=(candidate.deployment_digest, baseline.deployment_digest),
        names=names,
        pairs=draw_pairs(candidate, baseline, draw, names=names),
        runs=(candidate.run_id, baseline.run_id),
    )


def _of_shadow(database: Database, draw: CreateQueue, plan: Plan | None) -> _Source:
    """The pairs of a route's newest shadow: real questions, whose second answer nobody got."""
    if any((draw.suite, draw.candidate, draw.baseline, draw.candidate_run, draw.baseline_run)):
        raise UsageError("reviews: name a shadow's route alone, because the shadow knows its candidate and baseline")
    found = {} if plan is None else {known.shadow.route: known.shadow for known in known_shadows(database, plan)}
    shadow = found.get(str(draw.shadow))
    if plan is None or shadow is None:
        raise UsageError(f"reviews: {draw.shadow} has no shadow ({nearest(str(draw.shadow), found)})")
    present = (plan.deployments.get(name) for name in (shadow.baseline, shadow.candidate))
    if shadow.digests != tuple(each.digest for each in present if each is not None):
        raise UsageError(
            "reviews: a model of this shadow has changed since it began, so that no gate would count the reviews "
            f"(start another: fairtrial shadow start {shadow.baseline} {shadow.candidate})"
        )
    experiment = plan.routes[shadow.route].experiment if shadow.variant else None
    targets = (f"{experiment}/{shadow.variant}" if experiment else shadow.candidate), shadow.baseline
    names = names_of(plan, *targets)
    request_ids = shadows.reviewable(database, shadow.shadow_id)
    read = partial(shadows.texts_of, database, shadow.shadow_id)
    return _Source(
        suite=f"shadow:{shadow.route}",
        suite_digest=shadow.shadow_id,
        targets=targets,
        digests=(_digest(plan, targets[0]) or "", _digest(plan, targets[1]) or ""),
        names=names,
        pairs=draw_shadow_pairs(request_ids, read, shadow, draw, names=names),
    )


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
        raise UsageError("reviews: name suite, candidate and baseline, or candidate_run and baseline_run, or shadow")
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
