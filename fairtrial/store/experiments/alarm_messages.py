"""Keeps the messages of alarms. Changes of alarms wait in an outbox that the transaction of the alarm fills.

A message to one target is written when a change is routed, and the change is deleted in the same transaction. So a
change that was decided is neither lost nor routed twice.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from fairtrial.api.alarms import Delivery
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp

MessageChange = Literal["opened", "repeated", "closed", "test"]
OUTBOX = "alarm_changes"
SHOWN_STATES = ("delivered", "waiting", "failing", "refused")
"""Of the messages that wait, those that were tried are failing."""

OF_ALARMS = """
    SELECT alarm_id, arg_max(state, list_position(['delivered', 'waiting', 'refused'], state)) AS delivery,
        string_agg(target || ': ' || state || coalesce(' (' || nullif(reason, '') || ')', ''), '; ' ORDER BY target)
            AS messages
    FROM (FROM alarm_messages QUALIFY rowid = max(rowid) OVER (PARTITION BY alarm_id, target))
    GROUP BY alarm_id
"""
"""The newest message of each target, for each alarm."""
CHANGES = """
SELECT alarm_id, kind, experiment, text, epoch_us(alarms.at_time) AS since_us, change
FROM alarm_changes JOIN alarms USING (alarm_id) ORDER BY alarm_changes.rowid
"""
OPEN = """
SELECT alarm_id, kind, experiment, text, epoch_us(at_time) AS since_us, 'repeated' AS change
FROM alarms WHERE state = 'open' ORDER BY at_time, alarm_id
"""
SENT = """
SELECT alarm_id, target, count(*), epoch_us(max(coalesce(changed_at, at_time))), bool_or(state = 'waiting')
FROM alarm_messages WHERE list_contains($1::VARCHAR[], alarm_id)
GROUP BY alarm_id, target
"""
DUE = """
SELECT message_id, target, body, attempts, epoch_us(at_time) AS at_us
FROM alarm_messages AS message
WHERE state = 'waiting' AND next_at <= $1 AND NOT EXISTS (
    FROM alarm_messages AS earlier
    WHERE earlier.state = 'waiting' AND earlier.alarm_id = message.alarm_id AND earlier.target = message.target
        AND earlier.rowid < message.rowid)
ORDER BY at_time, message_id
"""
"""A message waits for the earlier ones of its alarm, so that an end never comes before its beginning."""
CLEAR = "DELETE FROM alarm_changes WHERE alarm_id = $1 AND change = $2"
NEXT = "SELECT epoch_us(min(next_at)) FROM alarm_messages WHERE state = 'waiting'"
SETTLE = """
UPDATE alarm_messages SET state = $2, attempts = attempts + 1, changed_at = $3, next_at = $4, reason = $5
WHERE message_id = $1 AND state = 'waiting'
"""
COUNTS = """
SELECT if(state = 'waiting' AND attempts > 0, 'failing', state) AS shown, count(*) FROM alarm_messages GROUP BY shown
"""


class AlarmChange(msgspec.Struct, frozen=True):
    """A change of an alarm that people are to know. ``since_us``: when it opened."""

    alarm_id: str
    kind: str
    experiment: str | None
    text: str
    since_us: int
    change: MessageChange


class Sent(msgspec.Struct, frozen=True):
    """The messages of an alarm to a target: how many, the time of the newest attempt, and whether one waits."""

    count: int
    newest_us: int
    waits: bool


class DueMessage(msgspec.Struct, frozen=True):
    """A message that is to be sent now."""

    message_id: str
    target: str
    body: str
    attempts: int
    at_us: int


def note(cursor: Cursor, alarm_id: str, change: MessageChange, *, now_us: int) -> None:
    """Put a change into the outbox, in the caller's transaction."""
    cursor.insert(OUTBOX, alarm_id=alarm_id, change=change, at_time=timestamp(now_us))


def changes(database: Database) -> list[AlarmChange]:
    """The changes in the outbox, oldest first; raises `StoreError`."""
    return database.values(AlarmChange, CHANGES)


def clear(cursor: Cursor, routed: Sequence[AlarmChange]) -> None:
    """Remove changes from the outbox, in the transaction that writes their messages."""
    for change in routed:
        cursor.execute(CLEAR, [change.alarm_id, change.change])


def open_alarms(database: Database) -> list[AlarmChange]:
    """The alarms that nobody has acknowledged, oldest first, each as a repetition; raises `StoreError`."""
    return database.values(AlarmChange, OPEN)


def sent(database: Database, alarm_ids: Sequence[str]) -> dict[tuple[str, str], Sent]:
    """What was sent of these alarms, by alarm and target; raises `StoreError`."""
    rows = database.rows(SENT, (list(alarm_ids),))
    return {(alarm_id, target): Sent(*row) for alarm_id, target, *row in rows}


def append(
    cursor: Cursor, message_id: str, of: AlarmChange, target: str, body: str, *, times_us: tuple[int, int]
) -> None:
    """Write a message, in the caller's transaction. ``times_us``: now, and when it may be sent."""
    at, next_at = map(timestamp, times_us)
    row = {"alarm_id": of.alarm_id, "target": target, "change": of.change, "body": body}
    cursor.insert(
        "alarm_messages",
        message_id=message_id,
        at_time=at,
        next_at=next_at,
        state="waiting",
        attempts=0,
        reason="",
        **row,
    )


def due(database: Database, now_us: int) -> list[DueMessage]:
    """The messages that are to be sent now, oldest first; raises `StoreError`."""
    return database.values(DueMessage, DUE, (timestamp(now_us),))


def next_us(database: Database) -> int | None:
    """When the next message is due; ``None`` if none waits. Raises `StoreError`."""
    value: int | None = database.value(NEXT)
    return value


def settle(database: Database, message_id: str, state: Delivery, *, now_us: int, next_us: int, reason: str) -> None:
    """Record what an attempt came to; raises `StoreError`."""
    with database.changes.about(), database.transaction() as cursor:
        cursor.execute(SETTLE, [message_id, state, timestamp(now_us), timestamp(next_us), reason])


def delivery_counts(database: Database) -> dict[str, int]:
    """The number of messages by `SHOWN_STATES`; raises `StoreError`."""
    return {state: int(count) for state, count in database.rows(COUNTS)}
