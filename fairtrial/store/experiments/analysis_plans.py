"""Keeps the frozen analysis plans of experiments as rows that are only added."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.store.access import audit
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import Page, Query, timestamp

Kind = Literal["start", "amend", "levels"]
"""``levels``: the control's levels became known; everything else is as in the plan before."""

NEWEST = """
SELECT number, at_time, kind, actor, why, plan AS plan_json
FROM analysis_plans
WHERE $1 IS NULL OR experiment = $1
QUALIFY row_number() OVER (PARTITION BY experiment ORDER BY number DESC) = 1
ORDER BY experiment
"""
STARTS = """
SELECT number, at_time, kind, actor, why, plan AS plan_json
FROM analysis_plans
QUALIFY row_number() OVER (
    PARTITION BY experiment, segment, json_extract(plan, '$.started_us'), json_extract(plan, '$.from_us')
    ORDER BY number DESC
) = 1
ORDER BY number
"""
NUMBER = "SELECT max(number) FROM analysis_plans WHERE experiment = ?"
LAST = "SELECT max(number) FROM analysis_plans"
LIST = """
SELECT number, at_time, experiment, segment, revision, attempt, analysis_hash, kind, actor, why, plan
FROM analysis_plans
WHERE at_time >= $1 AND at_time < $2 AND experiment = $3
ORDER BY number DESC
LIMIT $4 OFFSET $5
"""
HASHES = """
SELECT analysis_hash
FROM analysis_plans
WHERE experiment = $1 AND segment = $2 AND CAST(json_extract(plan, '$.started_us') AS BIGINT) = $3
GROUP BY analysis_hash
ORDER BY min(number)
"""


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan with its number, its time in microseconds since 1970 (UTC), and who froze it and why."""

    number: int
    at_us: int
    kind: Kind
    actor: str
    why: str
    plan: AnalysisPlan


def append(cursor: Cursor, plan: AnalysisPlan, *, now_us: int, kind: Kind, actor: str, why: str) -> int:
    """Append a plan, with its entry in the audit trail, in the caller's transaction; returns its number."""
    row = {name: getattr(plan, name) for name in ("experiment", "segment", "revision", "attempt", "analysis_hash")}
    row |= {"at_time": timestamp(now_us), "plan": json.dumps(plan.stored(), sort_keys=True)}
    number = cursor.append("analysis_plans", row | {"kind": kind, "actor": actor, "why": why})
    audit.record_row(
        cursor,
        audit.ANALYSIS_PLANS,
        number,
        now_us=now_us,
        actor=actor,
        action=f"analysis.{kind}",
        subject=plan.experiment,
        details={"why": why},
    )
    return number


def newest(store: Database | Cursor, experiment: str) -> StoredPlan | None:
    """The plan in force, also in the caller's transaction; raises `StoreError`."""
    return next(iter(store.values(_stored, NEWEST, (experiment,))), None)


def last_number(store: Database | Cursor) -> int:
    """The number of the plan of any experiment that was stored last, 0 without one; raises `StoreError`."""
    return int(store.value(LAST) or 0)


def is_newest(cursor: Cursor, stored: StoredPlan) -> bool:
    """Whether the plan is still the one in force, in the caller's transaction."""
    return bool(cursor.value(NUMBER, [stored.plan.experiment]) == stored.number)


def newest_of_all(database: Database | Cursor) -> dict[str, StoredPlan]:
    """The plan in force of every experiment that has one; raises `StoreError`."""
    return {plan.plan.experiment: plan for plan in database.values(_stored, NEWEST, (None,))}


def frozen_plans(database: Database) -> dict[str, AnalysisPlan]:
    """The newest analysis plan of each experiment that has started, by name; raises `StoreError`."""
    return {name: stored.plan for name, stored in newest_of_all(database).items()}


def newest_of_starts(database: Database) -> list[StoredPlan]:
    """The newest plan of every analysis with units of its own, in their order; raises `StoreError`."""
    return database.values(_stored, STARTS)


def listing(page: Page, experiment: str) -> Query:
    """One experiment's plans in a time window, newest first."""
    return Query(LIST, (page.since, page.until, experiment, page.rows, page.offset))


def hashes(database: Database, plan: AnalysisPlan) -> list[str]:
    """The analysis hashes since the same start, in their order; raises `StoreError`.

    An amendment changes the hash and not the start. A new salt or segment has another start.
    """
    rows = database.rows(HASHES, (plan.experiment, plan.segment, plan.started_us))
    return [str(analysis_hash) for (analysis_hash,) in rows]


def _stored(plan: Mapping[str, Any], **frozen: Any) -> StoredPlan:
    return StoredPlan(**frozen, plan=AnalysisPlan.restored(plan))
