"""Applies the retention period: deletes older texts, and keeps the numbers that decisions are computed from."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from fairtrial.domain.store_reports import OnProgress, Progress, RetentionResult, ignore_progress
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.core.engine import logged_message
from fairtrial.store.core.query import timestamp
from fairtrial.store.evaluations.runs import HAS_TEXT, NUMBERS_ONLY

TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main'"
REMOVED = "'[no longer kept]'"
OLD = "at_time < $before"
SLICE = 50_000
"""The most old rows of one transaction, unless one hour has more."""
_CLOSED = "queue_id IN (SELECT queue_id FROM review_queues WHERE closed_time < $before)"
"""Reviewers still need the texts of an open queue."""
_NOT_KEPT = "run_id NOT IN (SELECT run_id FROM kept_runs)"
"""A kept run is the baseline of a model that may no longer answer."""


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """The rows of a table that have old texts, and the new values; without values the rows are deleted."""

    where: str
    set: str = ""


def _emptied(*columns: str) -> RetentionRule:
    """The rule for old rows that lose these columns."""
    there = " OR ".join(f"{column} IS NOT NULL" for column in columns)
    return RetentionRule(f"{OLD} AND ({there})", ", ".join(f"{column} = NULL" for column in columns))


RULES: Mapping[str, RetentionRule] = {
    "payloads": RetentionRule(OLD),
    "requests": _emptied("prompt_digest", "trace_id", "span_id", "provider_request_id"),
    "attempts": _emptied("error_message", "provider_request_id"),
    "shadow_pairs": _emptied("response_body"),
    "feedback": _emptied("comment", "correction"),
    "results": RetentionRule(
        f"{OLD} AND {_NOT_KEPT}"
        f" AND (output IS NOT NULL OR asked IS NOT NULL OR refusal IS NOT NULL OR error <> {REMOVED})",
        f"output = NULL, asked = NULL, refusal = NULL, error = CASE WHEN error IS NOT NULL THEN {REMOVED} END",
    ),
    "scores": RetentionRule(
        f"{OLD} AND {_NOT_KEPT} AND coalesce(why <> {REMOVED} OR (why IS NULL AND {HAS_TEXT}), false)",
        f"details = {NUMBERS_ONLY}, why = CASE WHEN why IS NOT NULL THEN {REMOVED} END",
    ),
    "review_items": RetentionRule(
        f"{_CLOSED} AND candidate_output <> {REMOVED}",
        f"asked = '[]', reference = NULL, candidate_output = {REMOVED}, baseline_output = {REMOVED}",
    ),
    "review_votes": RetentionRule(
        f"{_CLOSED} AND (comment <> '' OR edited_candidate IS NOT NULL OR edited_baseline IS NOT NULL)",
        "comment = '', edited_candidate = NULL, edited_baseline = NULL",
    ),
    "review_drafts": RetentionRule(_CLOSED),
    "review_skips": RetentionRule(f"{_CLOSED} AND reason <> ''", "reason = ''"),
}
"""A case keeps the mark that it had an error, because its time then does not count. A refusal stays in the outcome.

The digest of a prompt and the ids of traces and providers go with the bodies. The digest identifies a prompt to anyone
who has the store's secret and guesses the text; the ids lead to records of other systems about the same text.
"""


def drop_old_texts(
    database: Database, *, before_us: int, dry_run: bool = False, on_progress: OnProgress = ignore_progress
) -> tuple[dict[str, int], list[str]]:
    """Delete texts older than the cutoff; returns the rows by table, and error messages.

    With ``dry_run`` the rows are only counted. A failure in one table does not stop the others. Raises `StoreError` if
    the store can't answer at all.
    """
    there = {str(name) for (name,) in database.rows(TABLES)}
    rules = [(table, rule) for table, rule in RULES.items() if table in there]
    dropped: dict[str, int] = {}
    troubles: list[str] = []
    for number, (table, rule) in enumerate(rules, 1):
        try:
            for count in _drop(database, table, rule, before_us=before_us, dry_run=dry_run):
                dropped[table] = dropped.get(table, 0) + count
        except duckdb.Error as error:
            troubles.append(f"{table}: old texts could not be dropped ({logged_message(error)})")
        on_progress(Progress("dropping old texts", number, len(rules)))
    return dropped, troubles


def record_in_audit(database: Database, retained: RetentionResult, *, now_us: int, actor: str) -> None:
    """Record the numbers in the audit trail."""
    audit.record(
        database,
        now_us=now_us,
        actor=actor,
        action="store.retain",
        subject=f"{retained.days} days",
        details=retained.dropped,
    )


def _drop(database: Database, table: str, rule: RetentionRule, *, before_us: int, dry_run: bool) -> Iterator[int]:
    """Delete in slices to limit memory; yields the number of rows of each slice.

    After each slice it waits as long as the slice took. The writers' lock is not fair, so the ingester would otherwise
    wait for the last slice.
    """
    bound = {"before": timestamp(before_us)}
    verb = f"UPDATE {table} SET {rule.set}" if rule.set else f"DELETE FROM {table}"  # noqa: S608 - ours
    for start, end, count in _slices(database, table, rule, bound):
        if not dry_run:
            within = "" if start is None else " AND at_time >= $start AND at_time < $end"
            times = {} if start is None else {"start": start, "end": end}
            begun = time.monotonic()
            with database.transaction() as cursor:
                cursor.execute(f"{verb} WHERE {rule.where}{within}", bound | times)
            time.sleep(time.monotonic() - begun)
        yield count


def _slices(
    database: Database, table: str, rule: RetentionRule, bound: Mapping[str, datetime]
) -> list[tuple[datetime | None, datetime | None, int]]:
    """Time ranges with about `SLICE` old rows each, and their counts; one range for a table without times."""
    if not rule.where.startswith(OLD):
        with database.read_cursor() as cursor:
            count = cursor.value(f"SELECT count(*) FROM {table} WHERE {rule.where}", dict(bound))  # noqa: S608 - ours
        return [(None, None, count)] if count else []
    hours = f"SELECT date_trunc('hour', at_time), count(*) FROM {table} WHERE {rule.where} GROUP BY 1 ORDER BY 1"  # noqa: S608 - ours
    with database.read_cursor() as cursor:
        rows = cursor.execute(hours, dict(bound)).fetchall()
    slices: list[tuple[datetime | None, datetime | None, int]] = []
    start, old = None, 0
    for hour, count in rows:
        start, old = start or hour, old + count
        if old >= SLICE or hour == rows[-1][0]:
            slices.append((start, hour + timedelta(hours=1), old))
            start, old = None, 0
    return slices
