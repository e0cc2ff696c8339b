"""Makes the evidence that comes from people: votes on reviewed pairs, and decided looks at a live experiment."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.control_trials.entry import Entry, Primary
from evaluators.gate.live_evidence import LiveEvidence
from evaluators.suite import Suite
from fairtrial.domain.review import ARMS, Preference, ReviewedQueue, ReviewEvidence, Vote
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.sums import ArmSums
from tests.fixtures.evaluators.live_trials import looked
from tests.fixtures.experiments.reported_looks import DAY_US, ERRORS, START, analysis_plan, arm, sums

NOW_US = START + 30 * DAY_US
DEFINITION = "d"
"""The digest of both definitions."""
USERS = 100_000
REJECTED = "requests.rejected_rate"
MARKS = {one: {"tone": 4, "usefulness": 4} for one in ARMS}


def reviews(entry: Entry, suites: tuple[Suite, ...]) -> ReviewEvidence:
    """One closed queue with a vote on each pair, on cases of the first suite if there is one."""
    preferences: list[Preference] = [
        *["candidate"] * entry.won,
        *["baseline"] * entry.lost,
        *["tie"] * entry.ties,
    ]
    if not preferences:
        return ()
    name, digest = (suites[0].name, suites[0].digest) if suites else ("no suite", "no digest")
    votes = tuple(Vote(f"item-{at}", f"case-{at}", "ann", vote, MARKS) for at, vote in enumerate(preferences))
    both = "tuned", "base", DEFINITION, DEFINITION
    return (ReviewedQueue("queue", "Which?", "closed", name, digest, *both, len(votes), len(votes), votes),)


def live(entry: Entry) -> LiveEvidence:
    """The evidence of an experiment that has decided: more users are content, and fewer meet errors."""
    if entry.primary is None:
        return LiveEvidence()
    base, tuned = _arm(USERS // 2, failed=USERS // 20), _arm(USERS * 13 // 20, failed=USERS // 100)
    return LiveEvidence({}, (looked(_plan(entry.primary), sums(28, base, tuned)),))


def _arm(resolved: int, *, failed: int) -> ArmSums:
    """An arm with the sums of all three metrics; no request is rejected."""
    whole, none = arm(USERS, resolved, failed=failed), arm(USERS, resolved)
    return replace(whole, metrics={**whole.metrics, REJECTED: none.metrics[ERRORS.metric]})


def _plan(primary: Primary) -> AnalysisPlan:
    if primary == "feedback":
        return analysis_plan()
    if primary == "none":
        return analysis_plan(metrics=(ERRORS,))
    on_errors = replace(ERRORS, role="primary", require="superior")
    return analysis_plan(metrics=(on_errors, replace(ERRORS, metric=REJECTED)))
