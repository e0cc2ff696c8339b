"""Stores who started and stopped shadows, and reads their pairs: a request, and the copy that a candidate answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec

from fairtrial.domain.plan import Shadow
from fairtrial.domain.review import PairTexts
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp

TABLE = "shadows"
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

TO_SCORE = """
WITH waiting AS (
    SELECT * FROM shadow_pairs
    WHERE shadow_id = $1 AND scored_time IS NULL AND NOT dropped AND outcome <> 'cancelled'
        AND request_id IN (SELECT request_id FROM requests)
    LIMIT $2
), called AS (
    SELECT request_id, arg_max(latency_ms, ordinal) AS latency_ms FROM attempts
    WHERE request_id IN (SELECT request_id FROM waiting) GROUP BY request_id
)
SELECT w.copy_id, b.request_body, r.schema_requested,
    coalesce(r.arm_outcome = 'answered', false), called.latency_ms, CAST(r.cost_usd AS DOUBLE), r.refused,
    r.schema_valid, b.response_body,
    w.outcome = 'answered', w.latency_ms, CAST(w.cost_usd AS DOUBLE), w.refused, w.schema_valid, w.response_body
FROM waiting w JOIN requests r USING (request_id)
LEFT JOIN payloads b USING (request_id) LEFT JOIN called USING (request_id)
"""
SAVE = """
UPDATE shadow_pairs SET scored_time = $6, scores = found.scores
FROM (
    SELECT copy_id, map_from_entries(list((name, [baseline, candidate])) FILTER (name IS NOT NULL)) AS scores
    FROM (SELECT unnest($1::VARCHAR[]) AS copy_id) LEFT JOIN (
        SELECT unnest($2::VARCHAR[]) AS copy_id, unnest($3::VARCHAR[]) AS name, unnest($4::DOUBLE[]) AS baseline,
            unnest($5::DOUBLE[]) AS candidate
    ) USING (copy_id)
    GROUP BY copy_id
) found
WHERE shadow_pairs.copy_id = found.copy_id
"""
UNIT_MEANS = """
SELECT entry.key, count(*), avg(entry.value[1]), avg(entry.value[2]),
    avg(ln(entry.value[2] / entry.value[1])) FILTER (entry.value[1] > 0 AND entry.value[2] > 0)
FROM (
    SELECT coalesce(unit, request_id) AS who, unnest(map_entries(scores)) AS entry
    FROM shadow_pairs WHERE shadow_id = $1 AND scores IS NOT NULL AND at_time >= $2
)
GROUP BY entry.key, who
ORDER BY entry.key, who
"""
DROPS = """
WITH copies AS (SELECT prompt_bytes, dropped, at_time FROM shadow_pairs WHERE shadow_id = $1 AND at_time >= $2),
    middle AS (SELECT coalesce(median(prompt_bytes), 0) AS bytes FROM copies)
SELECT count(*) FILTER (prompt_bytes <= bytes), count(*) FILTER (prompt_bytes > bytes),
    count(*) FILTER (dropped AND prompt_bytes <= bytes), count(*) FILTER (dropped AND prompt_bytes > bytes),
    epoch_us(max(at_time))
FROM copies, middle
"""

REVIEWABLE = """
SELECT p.request_id
FROM shadow_pairs p JOIN requests r USING (request_id) JOIN payloads b USING (request_id)
WHERE p.shadow_id = $1 AND NOT p.dropped AND p.outcome = 'answered' AND r.arm_outcome = 'answered'
    AND b.request_body IS NOT NULL AND b.response_body IS NOT NULL AND p.response_body IS NOT NULL
ORDER BY p.at_time, p.request_id
"""
TEXTS = """
SELECT p.request_id, p.unit, b.request_body, b.response_body, p.response_body
FROM shadow_pairs p JOIN payloads b USING (request_id)
WHERE p.shadow_id = $1 AND p.request_id IN (SELECT unnest($2::VARCHAR[]))
ORDER BY p.at_time, p.request_id
"""


@dataclass(frozen=True, slots=True)
class KnownShadow:
    """The newest shadow of a route; ``since``: when a person started or ended it."""

    shadow: Shadow
    running: bool
    since: datetime | None


def record(database: Database, shadow: Shadow, action: Literal["start", "stop"], *, actor: str, now_us: int) -> None:
    """Add a start or a stop, with its entry in the audit trail."""
    definition = msgspec.json.encode(shadow).decode()
    with database.transaction() as cursor:
        cursor.insert(
            TABLE,
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


def counts(database: Database, shadow_id: str) -> tuple[int, int, int, int]:
    """Pairs, their units, copies that were dropped by overload, and copies that failed; raises `StoreError`."""
    pairs, units, dropped, failed = map(int, database.rows(COUNTS, (shadow_id,))[0])
    return pairs, units, dropped, failed


@dataclass(frozen=True, slots=True)
class SideToScore:
    """One answer of a pair. ``answered``: whether its own server gave a usable one."""

    answered: bool
    latency_ms: float | None
    cost_usd: float | None
    refused: bool | None
    schema_requested: bool
    schema_valid: bool | None
    body: str | None


@dataclass(frozen=True, slots=True)
class PairToScore:
    """A pair that is not measured yet: the baseline's answer and the candidate's."""

    copy_id: str
    request_body: str | None
    sides: tuple[SideToScore, SideToScore]


def to_score(database: Database, shadow_id: str, *, limit: int) -> list[PairToScore]:
    """Pairs that are not measured yet, whose requests are stored; raises `StoreError`."""
    return [
        PairToScore(
            copy_id,
            request_body,
            (
                SideToScore(served, ms, cost, refused, bool(asked), valid, body),
                SideToScore(answered, copy_ms, copy_cost, copy_refused, bool(asked), copy_valid, copy_body),
            ),
        )
        for (
            copy_id, request_body, asked, served, ms, cost, refused, valid, body,
            answered, copy_ms, copy_cost, copy_refused, copy_valid, copy_body,
        ) in database.rows(TO_SCORE, (shadow_id, limit))
    ]  # fmt: skip


def save_scores(database: Database, scored: Mapping[str, Mapping[str, tuple[float, float]]], *, now_us: int) -> None:
    """Store the values of each pair by its copy; raises `StoreError`."""
    rows = [
        [copy_id, name, baseline, candidate]
        for copy_id, scores in scored.items()
        for name, (baseline, candidate) in scores.items()
    ]
    names = list(scored)
    with database.transaction() as cursor:
        columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
        cursor.execute(SAVE, [names, *columns, timestamp(now_us)])


def unit_means(
    database: Database, shadow_id: str, *, since_us: int = 0
) -> list[tuple[str, int, float, float, float | None]]:
    """By measure and unit: pairs, the means of both sides, and the mean log of their ratios; raises `StoreError`."""
    rows = database.rows(UNIT_MEANS, (shadow_id, timestamp(since_us)))
    return [(str(name), int(n), b, c, ratio) for name, n, b, c, ratio in rows]


def drops(database: Database, shadow_id: str, *, since_us: int = 0) -> tuple[int, int, int, int, int | None]:
    """Copies of shorter and longer requests, how many of each were dropped, and the newest time; `StoreError`."""
    short, long, short_dropped, long_dropped, newest_us = database.rows(DROPS, (shadow_id, timestamp(since_us)))[0]
    return int(short), int(long), int(short_dropped), int(long_dropped), newest_us


def reviewable(database: Database, shadow_id: str) -> list[str]:
    """The requests whose pairs people can judge, because both answered and all texts are stored; `StoreError`."""
    return [str(request_id) for (request_id,) in database.rows(REVIEWABLE, (shadow_id,))]


def texts_of(database: Database, shadow_id: str, request_ids: Sequence[str]) -> list[PairTexts]:
    """The texts of these pairs, in the order of `reviewable`; raises `StoreError`."""
    return [PairTexts(*row) for row in database.rows(TEXTS, (shadow_id, list(request_ids)))]
