"""Keeps the transitions of experiments as rows that are only added; the live state is computed from them."""

from __future__ import annotations

import json
from typing import Any

from fairtrial.config.plan.live_state import Live
from fairtrial.experiments.lifecycle import Transition
from fairtrial.store.access import audit
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import Page, Query, microseconds, timestamp

INSERT = """
INSERT INTO transitions (
    number, at_time, experiment, action, from_state, to_state, segment, actor, why, evidence, plan_hash
)
SELECT coalesce(max(number), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM transitions
"""
LIVE = """
SELECT experiment, arg_max(to_state, number), arg_max(segment, number)
FROM transitions
WHERE $1 IS NULL OR experiment = $1
GROUP BY experiment
"""
LIST = """
SELECT number, at_time, experiment, action, from_state, to_state, segment, actor, why, evidence, plan_hash
FROM transitions
WHERE at_time >= $1 AND at_time < $2 AND experiment = $3
ORDER BY number DESC
LIMIT $4 OFFSET $5
"""
LAST = """
SELECT at_time, experiment, action, from_state, to_state, segment, actor, why, evidence, plan_hash
FROM transitions
QUALIFY row_number() OVER (PARTITION BY experiment ORDER BY number DESC) = 1
"""


def append(cursor: Cursor, made: Transition) -> None:
    """Append a transition, with its entry in the audit trail, in the caller's transaction."""
    states = [made.from_state, made.to_state, made.segment]
    evidence = None if made.evidence is None else json.dumps(made.evidence, sort_keys=True)
    head = [timestamp(made.at_us), made.experiment, made.action]
    cursor.execute(INSERT, [*head, *states, made.actor, made.why, evidence, made.plan_hash])
    details = {"from": made.from_state, "to": made.to_state, "segment": made.segment, "why": made.why}
    action = f"experiment.{made.action}"
    audit.append(cursor, now_us=made.at_us, actor=made.actor, action=action, subject=made.experiment, details=details)


def state_of(cursor: Cursor, experiment: str) -> Live:
    """The live state of one experiment, in the caller's transaction; running in segment 1 without any row."""
    found = cursor.execute(LIVE, [experiment]).fetchone()
    return Live() if found is None else Live(state=found[1], segment=found[2])


def live(database: Database) -> dict[str, Live]:
    """The live state of every experiment that has a transition; raises `StoreError`."""
    rows = database.rows(LIVE, (None,))
    return {name: Live(state=state, segment=segment) for name, state, segment in rows}


def last(database: Database) -> dict[str, Transition]:
    """The newest transition of every experiment that has one; raises `StoreError`."""
    return {row[1]: _transition(*row) for row in database.rows(LAST)}


def listing(page: Page, experiment: str) -> Query:
    """One experiment's transitions in a time window, newest first."""
    return Query(LIST, (page.since, page.until, experiment, page.rows, page.offset))


def _transition(*row: Any) -> Transition:
    at_time, name, action, before, after, segment, actor, why, evidence, plan_hash = row
    return Transition(
        name, microseconds(at_time), action, before, after, segment, actor, why, plan_hash,
        None if evidence is None else json.loads(evidence),
    )  # fmt: skip
