"""Copies the rows of a store into a new file, table by table, within one transaction: each as it is, or as told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairtrial.domain.errors import StoreError
from fairtrial.store.core.database import Cursor
from fairtrial.store.core.progress import OnStep, Step, silent

SLICE = 50_000
TABLES = """
SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'main' AND NOT temporary
ORDER BY table_name
"""
COLUMNS = "SELECT column_name FROM duckdb_columns() WHERE database_name = ? AND schema_name = 'main' AND table_name = ?"


@dataclass(frozen=True, slots=True)
class Change:
    """How the rows of one table are copied: ``columns`` by name to the expression that stands for them, and which."""

    columns: Mapping[str, str] = field(default_factory=dict)
    where: str = "true"


@dataclass(frozen=True, slots=True)
class Copied:
    """Rows by table: how many there were, and how many are in the copy."""

    before: dict[str, int]
    after: dict[str, int]


def copy_rows(
    cursor: Cursor, target: Path, *, changes: Mapping[str, Change] | None = None, on_step: OnStep = silent
) -> Copied:
    """Copy what this cursor's store holds now into a new file, which is whole, written out and closed at the end.

    The order of rows stays. Raises `duckdb.Error` (a full disk is one) and `StoreError`; a part of the file may then
    be there.
    """
    source = str(_one(cursor, "SELECT current_database()"))
    cursor.execute(f"ATTACH '{_quoted(str(target.absolute()))}' AS copy")
    try:
        cursor.execute(f"COPY FROM DATABASE {_named(source)} TO copy (SCHEMA)")
        cursor.execute("BEGIN TRANSACTION")
        try:
            copied = _Copying(cursor, source, changes or {}, on_step).all_tables()
            cursor.execute("COMMIT")
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("CHECKPOINT copy")
    finally:
        cursor.execute("DETACH copy")
    return copied


class _Copying:
    def __init__(self, cursor: Cursor, source: str, changes: Mapping[str, Change], on_step: OnStep) -> None:
        self._cursor = cursor
        self._source = source
        self._changes = changes
        self._on_step = on_step
        self._done = 0
        self._total = 0

    def all_tables(self) -> Copied:
        names = [str(name) for (name,) in self._cursor.execute(TABLES, [self._source]).fetchall()]
        before = {name: self._count(self._source, name) for name in names}
        self._total = sum(before.values())
        for name in names:
            self._copy(name, self._changes.get(name, Change()))
        after = {name: self._count("copy", name) for name in names}
        for name in names:
            if self._changes.get(name, Change()).where == "true" and before[name] != after[name]:
                raise StoreError(f"{name}: {after[name]} rows were copied of {before[name]}")
        return Copied(before, after)

    def _copy(self, name: str, change: Change) -> None:
        there = self._columns(name)
        changed = {column: sql for column, sql in change.columns.items() if column in there}
        columns = ", ".join(f"{sql} AS {_named(column)}" for column, sql in changed.items())
        chosen = f"* REPLACE ({columns})" if columns else "*"
        rows = f"SELECT {chosen} FROM {_named(self._source)}.main.{_named(name)}"  # noqa: S608 - ours
        insert = f"INSERT INTO copy.main.{_named(name)} {rows} WHERE rowid >= ? AND rowid < ? AND ({change.where})"
        end = self._end(name)
        for start in range(0, end, SLICE):
            self._cursor.execute(insert, [start, start + SLICE])
            self._on_step(Step("copying rows", self._done + min(start + SLICE, end), max(self._total, end)))
        self._done += self._count(self._source, name)

    def _columns(self, name: str) -> set[str]:
        """A backup of an earlier version lacks columns that came later."""
        return {str(column) for (column,) in self._cursor.execute(COLUMNS, [self._source, name]).fetchall()}

    def _count(self, catalog: str, name: str) -> int:
        return int(_one(self._cursor, f"SELECT count(*) FROM {_named(catalog)}.main.{_named(name)}"))  # noqa: S608 - ours

    def _end(self, name: str) -> int:
        source = f"{_named(self._source)}.main.{_named(name)}"
        return int(_one(self._cursor, f"SELECT coalesce(max(rowid) + 1, 0) FROM {source}"))  # noqa: S608 - ours


def _one(cursor: Cursor, sql: str) -> Any:
    row = cursor.execute(sql).fetchone()
    assert row is not None
    return row[0]


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _named(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
