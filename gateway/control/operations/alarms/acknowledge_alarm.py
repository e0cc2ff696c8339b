"""Records that a person knows an alarm, with the reason in the audit trail."""

from __future__ import annotations

from fairtrial.experiments.lifecycle import checked_reason
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import alarms


def acknowledge_alarm(database: Database, alarm_id: str, *, actor: str, why: str, now_us: int) -> None:
    """Acknowledge an alarm; raises `NotFound`, `Conflict` for a closed one, and `BadRequest` for a missing reason."""
    reason = checked_reason(why)
    with database.transaction() as cursor:
        alarms.acknowledge(cursor, alarm_id, now_us=now_us, actor=actor, why=reason)


def standing_alarms(database: Database) -> dict[str, int]:
    """The number of open and of acknowledged alarms; raises `StoreError`."""
    counts = alarms.counts(database)
    return {
        wanted: sum(count for (state, _), count in counts.items() if state == wanted)
        for wanted in ("open", "acknowledged")
    }
