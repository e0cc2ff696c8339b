"""Keeps alarms, conditions that a person should know of. Each is open, then acknowledged, then closed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from fairtrial.api.alarms import SEVERITIES, AlarmState
from fairtrial.domain.errors import Conflict, NotFound, printable
from fairtrial.domain.names.ids import id_at
from fairtrial.store.access import audit
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import Page, Query, timestamp
from fairtrial.store.experiments import alarm_messages

FAILED_LOOK = "experiment.error"
"""The alarm that the looks at an experiment fail."""

CURRENT = """
SELECT alarm_id
FROM alarms
WHERE kind = $1 AND experiment IS NOT DISTINCT FROM $2 AND state <> 'closed'
LIMIT 1
"""
TEXT = "SELECT text FROM alarms WHERE kind = $1 AND experiment = $2 AND state <> 'closed' LIMIT 1"
STATE = "SELECT state FROM alarms WHERE alarm_id = ?"
CHANGE = "UPDATE alarms SET state = $2, changed_at = $3, changed_by = $4 WHERE alarm_id = $1"
CLOSE = """
UPDATE alarms SET state = 'closed', changed_at = $3, changed_by = $4
WHERE kind = $1 AND experiment IS NOT DISTINCT FROM $2 AND state <> 'closed'
RETURNING alarm_id
"""
LIST = f"""
SELECT alarm_id, kind, experiment, at_time, state, text, details, changed_at, changed_by, delivery, messages
FROM alarms LEFT JOIN ({alarm_messages.OF_ALARMS}) USING (alarm_id)
WHERE at_time >= $1 AND at_time < $2 AND ($3 IS NULL OR experiment = $3) AND ($4 IS NULL OR state = $4)
    AND (NOT $5 OR state <> 'closed')
ORDER BY list_position(['open', 'acknowledged', 'closed'], state),
    starts_with(kind, 'units.') OR kind = 'deployment.ends', at_time DESC, alarm_id DESC
LIMIT $6 OFFSET $7
"""  # noqa: S608 - ours
STANDING = """
SELECT kind, text FROM alarms
WHERE experiment = $1 AND list_contains($2::VARCHAR[], split_part(kind, '.', 1)) AND state <> 'closed'
ORDER BY kind
"""
WHOSE = "SELECT DISTINCT experiment FROM alarms WHERE experiment IS NOT NULL AND state <> 'closed'"
SAY = """
UPDATE alarms SET text = $3 WHERE kind = $1 AND experiment = $2 AND state <> 'closed' RETURNING alarm_id
"""
COUNTS = "SELECT state, kind, count(*) FROM alarms WHERE state <> 'closed' GROUP BY state, kind ORDER BY state, kind"


def open_alarm(cursor: Cursor, kind: str, experiment: str | None, *, text: str, now_us: int, actor: str) -> str | None:
    """Open an alarm, with its entry in the audit trail, in the caller's transaction; returns its id.

    It returns ``None`` if an alarm of this kind and experiment is not closed yet.
    """
    if cursor.value(CURRENT, [kind, experiment]) is not None:
        return None
    return _insert(cursor, kind, experiment, text, now_us=now_us, actor=actor, state="open")


def notice(cursor: Cursor, kind: str, experiment: str, *, text: str, now_us: int, actor: str) -> None:
    """Write a notice in the caller's transaction: a row that asks for nothing, and is closed from the start."""
    _insert(cursor, kind, experiment, text, now_us=now_us, actor=actor, state="closed", changed_by=actor)


def _insert(
    cursor: Cursor, kind: str, experiment: str | None, text: str, *, now_us: int, actor: str, **row: str
) -> str:
    assert kind in SEVERITIES, kind
    alarm_id, at = id_at(now_us), timestamp(now_us)
    of = {"kind": kind, "experiment": experiment, "text": text, "details": "{}"}
    cursor.insert("alarms", alarm_id=alarm_id, at_time=at, changed_at=at, **of, **row)
    _record(cursor, alarm_id, "open", now_us=now_us, actor=actor)
    alarm_messages.note(cursor, alarm_id, "opened", now_us=now_us)
    return alarm_id


def text_of(database: Database, kind: str, experiment: str) -> str:
    """The text of the alarm of this kind that is not closed; empty without one. Raises `StoreError`."""
    return str(database.value(TEXT, (kind, experiment)) or "")


def close(cursor: Cursor, kind: str, experiment: str | None, *, now_us: int, actor: str) -> bool:
    """Close the alarm of this kind and experiment, in the caller's transaction; returns whether there was one."""
    closed = cursor.execute(CLOSE, [kind, experiment, timestamp(now_us), actor]).fetchall()
    for (alarm_id,) in closed:
        _record(cursor, alarm_id, "close", now_us=now_us, actor=actor)
        alarm_messages.note(cursor, alarm_id, "closed", now_us=now_us)
    return bool(closed)


def settle(
    database: Database,
    experiment: str,
    texts: Mapping[str, str],
    *,
    families: Sequence[str],
    now_us: int,
    actor: str,
    still: Callable[[Cursor], bool] = lambda _: True,
) -> None:
    """Open the alarms of some families that are new, and close those whose cause has gone.

    ``texts``: the text of each alarm by its kind, which begins with its family and a dot. A standing alarm of the same
    kind gets the new text. ``still``: whether the texts still hold, in the same transaction. Raises `StoreError`.
    """
    standing = {str(kind): str(text) for kind, text in database.rows(STANDING, (experiment, list(families)))}
    if standing == texts:
        return
    with database.transaction() as cursor:
        if not still(cursor):
            return
        for kind, text in texts.items():
            if kind not in standing:
                open_alarm(cursor, kind, experiment, text=text, now_us=now_us, actor=actor)
            elif text != standing[kind]:
                for (alarm_id,) in cursor.execute(SAY, [kind, experiment, text]).fetchall():
                    _record(cursor, alarm_id, "text", now_us=now_us, actor=actor)
        for kind in standing.keys() - texts.keys():
            close(cursor, kind, experiment, now_us=now_us, actor=actor)


def standing_experiments(database: Database) -> frozenset[str]:
    """The experiments with an alarm that is not closed; raises `StoreError`."""
    return frozenset(str(name) for (name,) in database.rows(WHOSE))


def acknowledge(cursor: Cursor, alarm_id: str, *, now_us: int, actor: str, why: str) -> None:
    """Acknowledge an alarm, with its entry in the audit trail, in the caller's transaction.

    Raises `NotFound`, and `Conflict` for a closed one.
    """
    state = cursor.value(STATE, [alarm_id])
    if state is None:
        raise NotFound(f"alarms: there is no alarm {printable(alarm_id)!r}", code="alarm_not_found")
    if state == "closed":
        raise Conflict(f"alarms.{alarm_id}: can't acknowledge an alarm that is closed")
    if state == "open":
        cursor.execute(CHANGE, [alarm_id, "acknowledged", timestamp(now_us), actor])
    _record(cursor, alarm_id, "acknowledge", now_us=now_us, actor=actor, why=why)


def listing(
    page: Page, *, experiment: str | None = None, state: AlarmState | None = None, standing: bool = False
) -> Query:
    """Alarms of a time window: open ones first, then acknowledged ones, each newest first.

    Advice about units and models that end follows what was decided or waits for a person.
    With ``standing``, those that are closed are left out.
    """
    return Query(LIST, (page.since, page.until, experiment, state, standing, page.rows, page.offset))


def counts(database: Database) -> dict[tuple[AlarmState, str], int]:
    """The number of alarms that are not closed, by state and kind; raises `StoreError`."""
    return {(state, kind): int(count) for state, kind, count in database.rows(COUNTS)}


def _record(
    cursor: Cursor,
    alarm_id: str,
    change: Literal["open", "text", "acknowledge", "close"],
    *,
    now_us: int,
    actor: str,
    why: str | None = None,
) -> None:
    audit.record_row(
        cursor,
        audit.ALARMS,
        alarm_id,
        now_us=now_us,
        actor=actor,
        action=f"alarm.{change}",
        subject=alarm_id,
        details=None if why is None else {"why": why},
    )
