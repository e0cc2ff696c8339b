"""Stores who started and stopped shadows, and reads their pairs: a request, and the copy that a candidate answered."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec

from fairtrial.domain.plan import Shadow
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp

NEWEST = """
SELECT definition, action, at_time FROM shadows
QUALIFY row_number() OVER (PARTITION BY route ORDER BY at_time DESC, rowid DESC) = 1
ORDER BY route
"""
COUNTS = """
SELECT count(*) FILTER (NOT dropped), count(DISTINCT coalesce(unit, request_id)) FILTER (NOT dropped),
    count(*) FILTER (dropped), count(*) FILTER (NOT dropped AND outcome <> 'answered')
FROM shadow_pairs WHERE shadow_id = $1
"""


@dataclass(frozen=True, slots=True)
class KnownShadow:
    """The newest shadow of a route; ``since``: when a person started or ended it."""

    shadow: Shadow
    running: bool
    since: datetime | None


@dataclass(frozen=True, slots=True)
class PairCounts:
    """The pairs of a shadow: ``failed`` copies were sent, and ``dropped`` ones were not, by overload."""

    pairs: int
    units: int
    dropped: int
    failed: int


def record(database: Database, shadow: Shadow, action: Literal["start", "stop"], *, actor: str, now_us: int) -> None:
    """Add a start or a stop, with its entry in the audit trail."""
    definition = msgspec.json.encode(shadow).decode()
    with database.transaction() as cursor:
        cursor.insert(
            "shadows",
            shadow_id=shadow.shadow_id,
            at_time=timestamp(now_us),
            action=action,
            route=shadow.route,
            actor=actor,
            definition=definition,
        )
    details = {"baseline": shadow.baseline, "candidate": shadow.candidate, "limit": shadow.limit.words}
    audit.record(database, now_us=now_us, actor=actor, action=f"shadow.{action}", subject=shadow.route, details=details)


def known(database: Database) -> list[KnownShadow]:
    """The newest shadow of each route that a person started; raises `StoreError`."""
    return [
        KnownShadow(msgspec.json.decode(definition, type=Shadow), action == "start", at.replace(tzinfo=UTC))
        for definition, action, at in database.rows(NEWEST)
    ]


def counts(database: Database, shadow_id: str) -> PairCounts:
    """How many pairs there are; raises `StoreError`."""
    return PairCounts(*map(int, database.rows(COUNTS, (shadow_id,))[0]))
