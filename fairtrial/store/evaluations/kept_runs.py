"""Marks runs whose answers are a baseline for good, and finds them; retention leaves their texts."""

from __future__ import annotations

from fairtrial.domain.errors import not_found
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.evaluations import runs

IS_KEPT = "SELECT count(*) FROM kept_runs WHERE run_id = $1"
NEWEST = """
SELECT arg_max(run_id, ended_time)
FROM runs
WHERE run_id IN (SELECT run_id FROM kept_runs) AND status = 'finished' AND ($1 IS NULL OR suite = $1)
    AND ($2 IS NULL OR suite_digest = $2) AND ($3 IS NULL OR target = $3)
"""


def keep(database: Database, run_id: str, *, now_us: int, actor: str) -> None:
    """Keep a run for good, with an entry in the audit trail; raises `NotFound`. Keeping it again changes nothing."""
    if runs.head(database, run_id) is None:
        raise not_found("run", run_id)
    if is_kept(database, run_id):
        return
    with database.transaction() as cursor:
        cursor.insert("kept_runs", run_id=run_id, at_time=timestamp(now_us), kept_by=actor)
    audit.record(database, now_us=now_us, actor=actor, action="run.keep", subject=run_id)


def is_kept(database: Database, run_id: str) -> bool:
    """Whether the run is kept for good."""
    return bool(database.value(IS_KEPT, (run_id,)))


def newest(database: Database, suite: str | None, suite_digest: str | None, target: str | None) -> str | None:
    """The id of the newest kept run of a suite on a target, or ``None``."""
    [(run_id,)] = database.rows(NEWEST, (suite, suite_digest, target))
    return None if run_id is None else str(run_id)
