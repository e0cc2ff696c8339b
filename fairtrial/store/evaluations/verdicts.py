"""Stores gates' verdicts unchanged, with the votes of approvers, and finds earlier verdicts on a candidate."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fairtrial.domain.verdicts import verdict_json
from fairtrial.domain.verdicts.approvals import Approval
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.store.access import audit
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import Page, Query, timestamp
from fairtrial.store.evaluations import verdict_chain

OFFICIAL = "coalesce(CAST(json_extract(verdict, '$.provenance.official') AS BOOLEAN), false)"

LIST = f"""
SELECT verdict_id, at_time, gate, candidate, baseline, decision, headline, {OFFICIAL} AS official,
    coalesce(from_json(json_extract(verdict, '$.provenance.approvers'), '["VARCHAR"]'), []) AS approvers
FROM verdicts
WHERE at_time >= $1 AND at_time < $2 AND ($3 IS NULL OR gate = $3) AND ($4 IS NULL OR candidate = $4)
ORDER BY at_time DESC, verdict_id DESC
LIMIT $5 OFFSET $6
"""  # noqa: S608 - a constant

WHOLE = """
SELECT verdict
FROM verdicts
WHERE at_time >= $1 AND at_time < $2 AND ($3 IS NULL OR gate = $3) AND ($4 IS NULL OR candidate = $4)
ORDER BY at_time DESC, verdict_id DESC
LIMIT $5 OFFSET $6
"""

NEWEST = f"""
SELECT gate, candidate, max_by(decision, at_time) AS decision, max_by(headline, at_time) AS headline,
    max_by(verdict_id, at_time) AS verdict_id, max(at_time) AS at_time, count(*) AS verdicts,
    max_by({OFFICIAL}, at_time) AS official,
    max_by(coalesce(from_json(json_extract(verdict, '$.provenance.approvers'), '["VARCHAR"]'), []), at_time)
        AS approvers
FROM verdicts
WHERE at_time >= $1 AND at_time < $2
GROUP BY gate, candidate
ORDER BY at_time DESC, gate, candidate
LIMIT $3 OFFSET $4
"""  # noqa: S608 - a constant

NEWEST_WHOLE = "SELECT max_by(verdict, at_time) FROM verdicts GROUP BY gate, candidate, baseline"

NEWEST_OFFICIAL = f"""
SELECT verdict
FROM verdicts
WHERE verdict_id IN (SELECT verdict_id FROM verdict_records) AND {OFFICIAL}
    AND gate = $1 AND list_contains($2::VARCHAR[], candidate) AND list_contains($3::VARCHAR[], baseline)
ORDER BY at_time DESC, rowid DESC
LIMIT 1
"""  # noqa: S608 - a constant

ONE = "SELECT verdict FROM verdicts WHERE verdict_id = $1"

STARTING = "SELECT verdict_id FROM verdicts WHERE starts_with(verdict_id, $1) ORDER BY at_time DESC LIMIT 10"

JUDGED = "SELECT count(DISTINCT candidate) FROM verdicts WHERE gate = $1 AND candidate <> $2"

SAVED = """
SELECT actor, at_time
FROM events
WHERE action = 'verdict.save' AND subject = $1
ORDER BY number
LIMIT 1
"""

RUNS = """
SELECT run_id, suite, target, at_time, ended_time, status
FROM runs
WHERE list_contains($1::VARCHAR[], run_id)
ORDER BY suite, target, at_time
"""

VOTES = """
SELECT verdict_id, at_time, actor, role, vote, why
FROM approvals
WHERE list_contains($1::VARCHAR[], verdict_id)
ORDER BY number
"""

# Only verdicts with votes are compared, unless $2: reading the digests of all of them takes long.
EQUAL = """
WITH digests AS (
    SELECT verdict_id, json_extract_string(verdict, '$.provenance.evidence_digest') AS digest
    FROM verdicts
    WHERE $2 OR list_contains($1::VARCHAR[], verdict_id) OR verdict_id IN (SELECT verdict_id FROM approvals)
)
SELECT own.verdict_id, other.verdict_id
FROM digests own JOIN digests other ON other.digest = own.digest
WHERE list_contains($1::VARCHAR[], own.verdict_id)
"""

# Two verdicts can have the same time. The one that was stored first is then the first look.
# The id does not show the order, because it is random within a millisecond.
READ = """
WITH read AS (
    SELECT verdict_id, at_time, rowid AS place,
        unnest(from_json(json_extract(verdict, '$.runs'), '["VARCHAR"]')) AS run_id
    FROM verdicts
)
SELECT read.verdict_id, runs.suite, runs.run_id, runs.suite_digest, runs.deployment_digest
FROM read JOIN runs ON runs.run_id = read.run_id
ORDER BY read.at_time, read.place, runs.run_id
"""

BEFORE = """
SELECT run_id
FROM runs
WHERE status = 'finished' AND suite = $1 AND target = $2 AND suite_digest = $3 AND deployment_digest = $4
    AND run_id <> $5
ORDER BY ended_time DESC, run_id DESC
LIMIT 1
"""


def save(database: Database, verdict: Verdict, *, actor: str, evidence: bytes | None = None) -> None:
    """Store a verdict with its ``evidence``, and record in the audit trail that ``actor`` requested it.

    A stored one is not changed. A verdict without evidence has no place in the hash chain.
    """
    with database.transaction() as cursor:
        if cursor.value(ONE, [verdict.verdict_id]) is not None:
            return
        with_findings = verdict_json.encode(verdict).decode()
        row = {name: getattr(verdict, name) for name in ("verdict_id", *verdict_chain.LISTED) if name != "at_us"}
        cursor.insert("verdicts", **row, at_time=timestamp(verdict.at_us), verdict=with_findings)
        details = {"decision": verdict.decision, "candidate": verdict.candidate, "official": verdict.official}
        if evidence is not None:
            details[verdict_chain.CHAINED] = verdict_chain.append(
                cursor, verdict.verdict_id, now_us=verdict.at_us, verdict=with_findings, evidence=evidence
            )
        audit.record_row(
            cursor,
            audit.VERDICTS,
            verdict.verdict_id,
            now_us=verdict.at_us,
            actor=actor,
            action="verdict.save",
            subject=verdict.verdict_id,
            details=details,
        )


def candidates_judged(database: Database, gate: str, candidate: str) -> int:
    """How many different candidates this gate has judged, including this one."""
    return int(database.value(JUDGED, (gate, candidate))) + 1


def count(database: Database) -> int:
    """How many verdicts are stored."""
    return int(database.value("SELECT count(*) FROM verdicts"))


def listing(page: Page, *, gate: str | None = None, candidate: str | None = None) -> Query:
    """Verdicts of a time window without their findings, newest first."""
    return Query(LIST, (page.since, page.until, gate, candidate, page.rows, page.offset))


def newest(page: Page) -> Query:
    """The newest verdict for each gate and candidate, and how many there were."""
    return Query(NEWEST, (page.since, page.until, page.rows, page.offset))


def with_findings(
    database: Database, page: Page, *, gate: str | None = None, candidate: str | None = None
) -> tuple[Verdict, ...]:
    """The verdicts of `listing`, including their findings."""
    bounds = (page.since, page.until, gate, candidate, page.rows, page.offset)
    return tuple(verdict_json.decode(text) for (text,) in database.rows(WHOLE, bounds))


def newest_with_findings(database: Database) -> Iterator[Verdict]:
    """The newest verdict of each gate on each candidate against each baseline; raises `StoreError`."""
    return (verdict_json.decode(text) for (text,) in database.rows(NEWEST_WHOLE))


def find(database: Database, verdict_id: str) -> Verdict | None:
    """The verdict with this id, or ``None``."""
    text = database.value(ONE, (verdict_id,))
    return None if text is None else verdict_json.decode(text)


def ids_from(database: Database, start: str) -> list[str]:
    """Some ids that begin with ``start``, newest first."""
    return [str(verdict_id) for (verdict_id,) in database.rows(STARTING, (start,))]


def newest_official(
    database: Database, gate: str, candidates: Collection[str], baselines: Collection[str]
) -> Verdict | None:
    """The newest verdict of this official gate on one of these candidates against one of these baselines."""
    text = database.value(NEWEST_OFFICIAL, (gate, list(candidates), list(baselines)))
    return None if text is None else verdict_json.decode(text)


def saved_by(database: Database, verdict_id: str) -> dict[str, Any] | None:
    """Who saved it and when, according to the audit trail; ``None`` if it is not there."""
    rows = database.dicts(Query(SAVED, (verdict_id,)))
    return rows[0] if rows else None


def runs_of(database: Database, verdict: Verdict) -> list[dict[str, Any]]:
    """The runs that the verdict read, as far as they are still stored."""
    return database.dicts(Query(RUNS, (list(verdict.runs),))) if verdict.runs else []


def append(cursor: Cursor, vote: Approval) -> None:
    """Append a vote and its audit entry in the caller's transaction."""
    row = {name: getattr(vote, name) for name in ("verdict_id", "actor", "role", "vote", "why")}
    number = cursor.append("approvals", row | {"at_time": timestamp(vote.at_us)})
    audit.record_row(
        cursor,
        audit.APPROVALS,
        number,
        now_us=vote.at_us,
        actor=vote.actor,
        action=f"verdict.{vote.vote}",
        subject=vote.verdict_id,
        details={"role": vote.role, "why": vote.why},
    )


def on_equal_evidence(
    database: Database, verdict_ids: Collection[str], *, without_votes: bool = True
) -> dict[str, set[str]]:
    """For each of these verdicts, the ids of all verdicts on equal evidence, including its own; raises `StoreError`.

    ``without_votes``: also those that nobody has voted on.
    """
    equal = {verdict_id: {verdict_id} for verdict_id in verdict_ids}
    for own, other in database.rows(EQUAL, (list(verdict_ids), without_votes)):
        equal[own].add(other)
    return equal


def votes(database: Database, verdict_ids: Collection[str]) -> dict[str, tuple[Approval, ...]]:
    """The votes on these verdicts and on others with equal evidence, oldest first.

    Verdicts without votes are left out. Raises `StoreError`.
    """
    equal = on_equal_evidence(database, verdict_ids, without_votes=False)
    every = database.values(Approval, VOTES, (list(set().union(*equal.values())),))
    approvals = {
        shown: tuple(
            replace(vote, shared_from="" if vote.verdict_id == shown else vote.verdict_id)
            for vote in every
            if vote.verdict_id in ids
        )
        for shown, ids in equal.items()
    }
    return {shown: cast for shown, cast in approvals.items() if cast}


@dataclass(frozen=True, slots=True)
class FirstLook:
    """The first verdict that compared a candidate on a suite: the runs it read, and the suite's digest.

    ``runs`` maps the digest of a target's definition to the id of its run.
    """

    runs: Mapping[str, str]
    suite_digest: str


def first_looks(database: Database, deployment_digest: str) -> dict[str, FirstLook]:
    """The first look at the candidate with this definition, by suite. Suites without one are left out."""
    seen: dict[tuple[str, str], list[tuple[str, str, str]]] = defaultdict(list)
    for verdict_id, suite, *run in database.rows(READ, ()):
        seen[verdict_id, suite].append((run[0], run[1], run[2]))
    looks: dict[str, FirstLook] = {}
    for (_, suite), runs in seen.items():
        own = [suite_digest for _, suite_digest, deployment in runs if deployment == deployment_digest]
        if own and len(runs) > 1:
            looks.setdefault(suite, FirstLook({deployment: run_id for run_id, _, deployment in runs}, own[0]))
    return looks


def run_before(database: Database, *, suite: str, target: str, digests: tuple[str, str], newest: str) -> str | None:
    """The finished run before the newest, of the same suite and target definition.

    ``digests``: of the suite and of the deployment.
    """
    run_id: str | None = database.value(BEFORE, (suite, target, *digests, newest))
    return run_id
