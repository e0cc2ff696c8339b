"""Finds the candidates that a gate has judged on the same cases, whatever the suites with the cases are called."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fairtrial.domain.run import noise_target
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp

JUDGED = """
SELECT runs.run_id, runs.suite_digest, runs.deployment_digest, min(epoch_us(judged.at_time)) AS first_us
FROM (
    SELECT at_time, candidate, unnest(from_json(json_extract(verdict, '$.runs'), '["VARCHAR"]')) AS run_id
    FROM verdicts
    WHERE gate = $1 AND baseline = $2 AND at_time >= $3 AND at_time <= $4
) judged JOIN runs ON runs.run_id = judged.run_id AND runs.target = judged.candidate
GROUP BY ALL
"""

EVALUATED = """
SELECT DISTINCT deployment_digest
FROM runs
WHERE status = 'finished' AND list_contains($1::VARCHAR[], suite_digest) AND target NOT IN ($2, $3)
    AND ended_time >= $4 AND ended_time <= $5
    AND deployment_digest NOT IN (SELECT deployment_digest FROM runs WHERE target = $2)
"""

CASES = """
SELECT run_id, list(DISTINCT case_id), list(DISTINCT hash(asked)), count(asked) = count(*)
FROM results
WHERE list_contains($1::VARCHAR[], run_id)
GROUP BY run_id
"""


@dataclass(frozen=True, slots=True)
class _Cases:
    """The cases of one run. ``asked``: the hash of each case's messages, if ``whole`` says that all are still kept."""

    ids: frozenset[str]
    asked: frozenset[int]
    whole: bool

    def shares(self, other: "_Cases") -> bool:
        """Whether at least half of the smaller run's cases are in the other; by their ids where texts are deleted."""
        left, right = (self.asked, other.asked) if self.whole and other.whole else (self.ids, other.ids)
        return 2 * len(left & right) >= min(len(left), len(right)) > 0


def judged_candidates(
    database: Database, gate: str, baseline: str, own: Mapping[str, str], window_us: tuple[int, int]
) -> dict[str, int]:
    """When each candidate was first judged in the window, by the digest of its definition; raises `StoreError`.

    Only those that the gate of this name has judged against this baseline, on cases of which half are those of ``own``:
    the ids of runs, with the digests of their suites.
    """
    first, last = map(timestamp, window_us)
    rows = database.rows(JUDGED, (gate, baseline, first, last))
    other = [run_id for run_id, suite_digest, _, _ in rows if suite_digest not in own.values()]
    cases = _cases(database, {*own, *other}) if other else {}
    candidates: dict[str, int] = {}
    for run_id, suite_digest, candidate, first_us in rows:
        same = suite_digest in own.values()
        if same or any(cases[run_id].shares(cases[name]) for name in own if {name, run_id} <= cases.keys()):
            candidates[candidate] = min(first_us, candidates.get(candidate, first_us))
    return candidates


def evaluated_candidates(
    database: Database, baseline: str, suite_digests: Collection[str], window_us: tuple[int, int]
) -> set[str]:
    """The digests of the definitions that have answered one of these suites in the window, except the baseline's.

    They are the candidates of one matrix, of which the first is judged before the gate knows the others.
    """
    first, last = map(timestamp, window_us)
    bounds = (list(suite_digests), baseline, noise_target(baseline), first, last)
    return {str(digest) for (digest,) in database.rows(EVALUATED, bounds)}


def _cases(database: Database, run_ids: Collection[str]) -> dict[str, _Cases]:
    return {
        run_id: _Cases(frozenset(ids), frozenset(asked), whole)
        for run_id, ids, asked, whole in database.rows(CASES, (list(run_ids),))
    }
