"""Retention: texts older than the days that they may be kept are dropped; the numbers that decide stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from fairtrial.domain.errors import StoreError
from fairtrial.store import audit
from fairtrial.store.database import Cursor, Database
from fairtrial.store.engine_errors import in_words
from fairtrial.store.query import at
from fairtrial.store.score_texts import HAS_TEXT, NUMBERS_ONLY
from fairtrial.store.steps import OnStep, Step, silent

TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main'"
GONE = "'[no longer kept]'"
_CLOSED = "queue_id IN (SELECT queue_id FROM review_queues WHERE closed_time < $before)"
"""People still work with what an open queue holds."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which old rows of a table have texts, and what is set instead of them; nothing: the rows themselves go."""

    where: str
    set: str = ""


RULES: Mapping[str, Rule] = {
    "payloads": Rule("at_time < $before"),
    "attempts": Rule("at_time < $before AND error_message IS NOT NULL", "error_message = NULL"),
    "feedback": Rule(
        "at_time < $before AND (comment IS NOT NULL OR correction IS NOT NULL)", "comment = NULL, correction = NULL"
    ),
    "results": Rule(
        f"at_time < $before AND (output IS NOT NULL OR asked IS NOT NULL OR refusal IS NOT NULL OR error <> {GONE})",
        f"output = NULL, asked = NULL, refusal = NULL, error = CASE WHEN error IS NOT NULL THEN {GONE} END",
    ),
    "scores": Rule(
        f"at_time < $before AND coalesce(why <> {GONE} OR (why IS NULL AND {HAS_TEXT}), false)",
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
) -> dict[str, int]:
    """Drop the texts of before that time; returns rows by table, or what would be dropped. Raises `StoreError`."""
    there = {str(name) for (name,) in database.rows(TABLES)}
    rules = [(table, rule) for table, rule in RULES.items() if table in there]
    dropped: dict[str, int] = {}
    for number, (table, rule) in enumerate(rules, 1):
        try:
            found = _drop(database, table, rule, before_us=before_us, dry_run=dry_run)
        except duckdb.Error as error:
            raise StoreError(f"{table}: old texts could not be dropped ({in_words(error)})") from error
        if found:
            dropped[table] = found
        on_step(Step("dropping old texts", number, len(rules)))
    return dropped


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


def _drop(database: Database, table: str, rule: Rule, *, before_us: int, dry_run: bool) -> int:
    bound = {"before": at(before_us)}
    with database.looking() as cursor:
        found = _number(cursor, f"SELECT count(*) FROM {table} WHERE {rule.where}", bound)  # noqa: S608 - ours
    if found and not dry_run:
        verb = f"UPDATE {table} SET {rule.set}" if rule.set else f"DELETE FROM {table}"  # noqa: S608 - ours
        with database.writing() as cursor:
            cursor.execute(f"{verb} WHERE {rule.where}", bound)
    return found


def _number(cursor: Cursor, sql: str, bound: Mapping[str, object]) -> int:
    row = cursor.execute(sql, dict(bound)).fetchone()
    return int(row[0]) if row else 0
