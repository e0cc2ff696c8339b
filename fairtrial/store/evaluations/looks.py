"""Finds earlier verdicts on a candidate, because a later interim analysis on other answers needs a wider interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from fairtrial.store.core.database import Database

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
    found: dict[str, FirstLook] = {}
    for (_, suite), runs in seen.items():
        own = [suite_digest for _, suite_digest, deployment in runs if deployment == deployment_digest]
        if own and len(runs) > 1:
            found.setdefault(suite, FirstLook({deployment: run_id for run_id, _, deployment in runs}, own[0]))
    return found


def run_before(database: Database, *, suite: str, target: str, digests: tuple[str, str], newest: str) -> str | None:
    """The finished run before the newest, of the same suite and target definition.

    ``digests``: of the suite and of the deployment.
    """
    found: str | None = database.value(BEFORE, (suite, target, *digests, newest))
    return found
