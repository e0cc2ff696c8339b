"""Reads whether a stage of an experiment is really in force: which arms got requests, and whether workers follow."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.store.core.database import Database
from fairtrial.store.core.query import microseconds, timestamp

SERVED = """
SELECT DISTINCT variant
FROM unit_sums
WHERE experiment = $1 AND list_contains($2::VARCHAR[], analysis_hash) AND first_at >= $3 AND NOT early
"""
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
    ((elsewhere,),) = database.rows(ELSEWHERE, (timestamp(max(since_us, now_us - RECENT_US)), plan_hash))
    return not elsewhere
