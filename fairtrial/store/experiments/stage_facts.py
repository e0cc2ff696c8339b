"""Reads what a step must know of an experiment's newest requests: which arms got them, and whether workers follow."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.domain.limits.constants import microseconds
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.values import KeptAway
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import ANALYSED, timestamp

SERVED = """
SELECT DISTINCT variant
FROM unit_sums
WHERE experiment = $1 AND list_contains($2::VARCHAR[], analysis_hash) AND first_at >= $3 AND NOT early
"""
KEPT_AWAY = f"""
SELECT variant_assigned, count(*) FILTER (arm_outcome = 'kept_away') AS kept_away, count(*)
FROM requests
WHERE at_time >= $1 AND experiment = $2 AND list_contains($3::VARCHAR[], analysis_hash) AND {ANALYSED}
    AND experiment_state = 'running'
GROUP BY variant_assigned HAVING kept_away > 0
ORDER BY variant_assigned
"""  # noqa: S608 - ours
PUBLISHED = "SELECT plan_hash, at_time FROM published_plans ORDER BY number DESC LIMIT 1"
ELSEWHERE = """
SELECT count(*)
FROM (SELECT 1 FROM requests WHERE at_time >= $1 AND plan_hash IS DISTINCT FROM $2 AND experiment IS NOT NULL LIMIT 1)
"""
FOLLOW_US = 2_000_000
"""Workers follow a plan within a second; a request that began before may still be on its way."""
RECENT_US = 60_000_000


def served_arms(database: Database, experiment: str, hashes: Sequence[str], *, since_us: int) -> frozenset[str]:
    """The arms with requests that were recorded after that time; raises `StoreError`."""
    return frozenset(str(one) for (one,) in database.rows(SERVED, (experiment, list(hashes), timestamp(since_us))))


def kept_away(database: Database, plan: AnalysisPlan, hashes: Sequence[str], *, since_us: int) -> tuple[KeptAway, ...]:
    """The treatments from which a breaker kept requests since that time, with all their requests; raises `StoreError`.

    Requests of enrolled units count, while the experiment ran.
    """
    rows = database.rows(KEPT_AWAY, (timestamp(since_us), plan.experiment, list(hashes)))
    return tuple(KeptAway(str(name), int(away), int(count)) for name, away, count in rows if name in plan.treatments)


def workers_follow(database: Database, *, now_us: int) -> bool | None:
    """Whether workers serve by the newest plan; ``None`` if it is too new to tell.

    A request of an experiment that began later and was recorded under another plan shows that a worker does not. Raises
    `StoreError`.
    """
    newest = database.rows(PUBLISHED)
    if not newest:
        return None
    plan_hash, at_time = newest[0]
    since_us = microseconds(at_time) + FOLLOW_US
    if now_us < since_us + FOLLOW_US:
        return None
    return not database.value(ELSEWHERE, (timestamp(max(since_us, now_us - RECENT_US)), plan_hash))
