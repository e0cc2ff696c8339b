"""Copies a store's rows into a new file, table by table, within one transaction, optionally changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fairtrial.domain.errors import StoreError
from fairtrial.domain.store_reports import OnProgress, Progress, ignore_progress
from fairtrial.store.core.database import Cursor

SLICE = 4 * 122_880
"""Rows that one statement copies: whole row groups, because a part of one is read as a whole."""
TABLES = """
SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'main' AND NOT temporary
ORDER BY table_name
"""
COLUMNS = "SELECT column_name FROM duckdb_columns() WHERE database_name = ? AND schema_name = 'main' AND table_name = ?"

TOUCHED = "CREATE OR REPLACE TEMP TABLE touched_rows AS SELECT rowid AS number FROM {table} WHERE {touched}"
INSERT = """
INSERT INTO copy.main.{target}
SELECT {chosen}
FROM (
    SELECT *, rowid IN (SELECT number FROM temp.touched_rows) AS touched FROM {table} WHERE rowid >= ? AND rowid < ?
)
WHERE {where}
"""


@dataclass(frozen=True, slots=True)
class Change:
    """How one table's rows are copied: ``columns`` maps names to replacing expressions; ``where`` selects rows.

    Both may name ``touched``: whether the condition of that name selects the row. It is evaluated once for the table,
    because a look-up in each expression for each row would cost more than the copy.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    where: str = "true"
    touched: str = "false"


@dataclass(frozen=True, slots=True)
class CopiedRows:
    """The number of rows by table, in the source and in the copy."""

    before: dict[str, int]
    after: dict[str, int]


def copy_rows(
    cursor: Cursor,
    target: Path,
    *,
    changes: Mapping[str, Change] | None = None,
    on_progress: OnProgress = ignore_progress,
) -> CopiedRows:
    """Copy this cursor's store into a new file, which is complete, synced and closed at the end.

    The order of rows is kept. Raises `duckdb.Error` (for a full disk too) and `StoreError`; a partial file may then
    remain.
    """
    source = str(cursor.value("SELECT current_database()"))
    cursor.execute(f"ATTACH '{_quoted(str(target.absolute()))}' AS copy")
    try:
        cursor.execute(f"COPY FROM DATABASE {_named(source)} TO copy (SCHEMA)")
        cursor.execute("BEGIN TRANSACTION")
        try:
            copied = _TableCopier(cursor, source, changes or {}, on_progress).all_tables()
            cursor.execute("COMMIT")
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("CHECKPOINT copy")
    finally:
        cursor.execute("DETACH copy")
    return copied


class _TableCopier:
    def __init__(self, cursor: Cursor, source: str, changes: Mapping[str, Change], on_progress: OnProgress) -> None:
        self._cursor = cursor
        self._source = source
        self._changes = changes
        self._on_progress = on_progress
        self._done = 0
        self._total = 0

    def all_tables(self) -> CopiedRows:
        names = [str(name) for (name,) in self._cursor.execute(TABLES, [self._source]).fetchall()]
        before = {name: self._count(self._source, name) for name in names}
        self._total = sum(before.values())
        for name in names:
            self._copy(name, self._changes.get(name, Change()))
        after = {name: self._count("copy", name) for name in names}
        for name in names:
            if self._changes.get(name, Change()).where == "true" and before[name] != after[name]:
                raise StoreError(f"{name}: {after[name]} of {before[name]} rows were copied")
        return CopiedRows(before, after)

    def _copy(self, name: str, change: Change) -> None:
        there = self._columns(name)
        changed = {column: sql for column, sql in change.columns.items() if column in there}
        columns = ", ".join(f"{sql} AS {_named(column)}" for column, sql in changed.items())
        table = f"{_named(self._source)}.main.{_named(name)}"
        self._cursor.execute(TOUCHED.format(table=table, touched=change.touched))
        chosen = "* EXCLUDE (touched)" + (f" REPLACE ({columns})" if columns else "")
        insert = INSERT.format(target=_named(name), chosen=chosen, table=table, where=change.where)
        end = self._end(name)
        for start in range(0, end, SLICE):
            self._cursor.execute(insert, [start, start + SLICE])
            self._on_progress(Progress("copying rows", self._done + min(start + SLICE, end), max(self._total, end)))
        self._done += self._count(self._source, name)

    def _columns(self, name: str) -> set[str]:
        """The columns of a table; backups of earlier versions lack some."""
        return {str(column) for (column,) in self._cursor.execute(COLUMNS, [self._source, name]).fetchall()}

    def _count(self, catalog: str, name: str) -> int:
        return int(self._cursor.value(f"SELECT count(*) FROM {_named(catalog)}.main.{_named(name)}"))  # noqa: S608 - ours

    def _end(self, name: str) -> int:
        source = f"{_named(self._source)}.main.{_named(name)}"
        return int(self._cursor.value(f"SELECT coalesce(max(rowid) + 1, 0) FROM {source}"))  # noqa: S608 - ours


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _named(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
