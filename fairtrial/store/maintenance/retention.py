"""Retention: texts older than the days that they may be kept are dropped; the numbers that decide stay."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.engine_errors import in_words
from fairtrial.store.core.progress import OnStep, Step, silent
from fairtrial.store.core.query import at
from fairtrial.store.evaluations.score_texts import HAS_TEXT, NUMBERS_ONLY

TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main'"
GONE = "'[no longer kept]'"
OLD = "at_time < $before"
SLICE = 50_000
"""Old rows of one transaction, or those of one hour."""
_CLOSED = "queue_id IN (SELECT queue_id FROM review_queues WHERE closed_time < $before)"
"""People still work with what an open queue holds."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which old rows of a table have texts, and what is set instead of them; nothing: the rows themselves go."""

    where: str
    set: str = ""


RULES: Mapping[str, Rule] = {
    "payloads": Rule(OLD),
    "attempts": Rule(f"{OLD} AND error_message IS NOT NULL", "error_message = NULL"),
    "feedback": Rule(f"{OLD} AND (comment IS NOT NULL OR correction IS NOT NULL)", "comment = NULL, correction = NULL"),
    "results": Rule(
        f"{OLD} AND (output IS NOT NULL OR asked IS NOT NULL OR refusal IS NOT NULL OR error <> {GONE})",
        f"output = NULL, asked = NULL, refusal = NULL, error = CASE WHEN error IS NOT NULL THEN {GONE} END",
    ),
    "scores": Rule(
        f"{OLD} AND coalesce(why <> {GONE} OR (why IS NULL AND {HAS_TEXT}), false)",
        f"details = {NUMBERS_ONLY}, why = CASE WHEN why IS NOT NULL THEN {GONE} END",
    ),
    "review_items": Rule(
        f"{_CLOSED} AND candidate_output <> {GONE}",
        f"asked = '[]', reference = NULL, candidate_output = {GONE}, baseline_output = {GONE}",
    ),
    "review_votes": Rule(
        f"{_CLOSED} AND (comment <> '' OR edited_candidate IS NOT NULL OR edited_baseline IS NOT NULL)",
        "comment = '', edited_candidate = NULL, edited_baseline = NULL",
    ),
    "review_drafts": Rule(_CLOSED),
    "review_skips": Rule(f"{_CLOSED} AND reason <> ''", "reason = ''"),
}
"""That a case met an error stays, for its time is then not counted; that one was refused stays in its outcome."""


@dataclass(frozen=True, slots=True)
class Retained:
    """What was dropped, or would be: rows by table, and other things by name; ``before_us`` is where it begins."""

    days: int
    before_us: int
    dropped: dict[str, int]
    dry_run: bool


def drop_old_texts(
    database: Database, *, before_us: int, dry_run: bool = False, on_step: OnStep = silent
) -> tuple[dict[str, int], list[str]]:
    """Drop the texts of before that time; returns rows by table, or what would be dropped, and what went wrong.

    A table whose texts can't be dropped keeps no other from it. Raises `StoreError` if the store can't answer at all.
    """
    there = {str(name) for (name,) in database.rows(TABLES)}
    rules = [(table, rule) for table, rule in RULES.items() if table in there]
    dropped: dict[str, int] = {}
    troubles: list[str] = []
    for number, (table, rule) in enumerate(rules, 1):
        try:
            for found in _drop(database, table, rule, before_us=before_us, dry_run=dry_run):
                dropped[table] = dropped.get(table, 0) + found
        except duckdb.Error as error:
            troubles.append(f"{table}: old texts could not be dropped ({in_words(error)})")
        on_step(Step("dropping old texts", number, len(rules)))
    return dropped, troubles


def enter(database: Database, retained: Retained, *, now_us: int, actor: str) -> None:
    """The audit trail: how much was dropped."""
    audit.record(
        database,
        now_us=now_us,
        actor=actor,
        action="store.retain",
        subject=f"{retained.days} days",
        details=retained.dropped,
    )


def _drop(database: Database, table: str, rule: Rule, *, before_us: int, dry_run: bool) -> Iterator[int]:
    """Drop by the slice, so that memory stays small; yields rows of each slice.

    It rests as long as a slice took: the lock of writers is not fair, and the ingester would wait for the last slice.
    """
    bound = {"before": at(before_us)}
    verb = f"UPDATE {table} SET {rule.set}" if rule.set else f"DELETE FROM {table}"  # noqa: S608 - ours
    for start, end, found in _slices(database, table, rule, bound):
        if not dry_run:
            within = "" if start is None else " AND at_time >= $start AND at_time < $end"
            times = {} if start is None else {"start": start, "end": end}
            begun = time.monotonic()
            with database.writing() as cursor:
                cursor.execute(f"{verb} WHERE {rule.where}{within}", bound | times)
            time.sleep(time.monotonic() - begun)
        yield found


def _slices(
    database: Database, table: str, rule: Rule, bound: Mapping[str, datetime]
) -> list[tuple[datetime | None, datetime | None, int]]:
    """From when until when there are about `SLICE` old rows, and how many; one for a table that has no times."""
    if not rule.where.startswith(OLD):
        with database.looking() as cursor:
            row = cursor.execute(f"SELECT count(*) FROM {table} WHERE {rule.where}", dict(bound)).fetchone()  # noqa: S608 - ours
        return [(None, None, int(row[0]))] if row and row[0] else []
    hours = f"SELECT date_trunc('hour', at_time), count(*) FROM {table} WHERE {rule.where} GROUP BY 1 ORDER BY 1"  # noqa: S608 - ours
    with database.looking() as cursor:
        rows = cursor.execute(hours, dict(bound)).fetchall()
    slices: list[tuple[datetime | None, datetime | None, int]] = []
    start, found = None, 0
    for hour, count in rows:
        start, found = start or hour, found + count
        if found >= SLICE or hour == rows[-1][0]:
            slices.append((start, hour + timedelta(hours=1), found))
            start, found = None, 0
    return slices
