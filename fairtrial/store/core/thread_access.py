"""Gives each thread a cursor on the store, and defines the re-entrant read-write lock that threads share."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import duckdb
from msgspec import convert
from msgspec.structs import fields

from fairtrial.domain.limits.constants import microseconds, with_zone

STATEMENTS = 1_000
"""How many parsed statements a process keeps at most. The program has a few hundred."""
LONGEST = 4_000
"""Characters. Longer texts insert many rows, and their length differs each time."""

T = TypeVar("T")
ChainHead = tuple[int, str]
"""The number and the hash of the newest entry of the audit trail."""
_parsed: dict[str, duckdb.Statement] = {}


class ReadWriteLock:
    """Writers have priority: a new reader waits as soon as a writer waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._writing = False
        self._thread = threading.local()

    @contextmanager
    def read(self) -> Iterator[None]:
        """Share the lock with other readers. A thread that already reads may enter again."""
        depth: int = getattr(self._thread, "depth", 0)
        if depth == 0:
            self._acquire_read()
        self._thread.depth = depth + 1
        try:
            yield
        finally:
            self._thread.depth = depth
            if depth == 0:
                self._release_read()

    @contextmanager
    def write(self) -> Iterator[None]:
        """Hold the lock exclusively. A thread that reads must not call this."""
        with self._changed:
            self._changed.wait_for(lambda: not self._writing)
            self._writing = True
            self._changed.wait_for(lambda: self._readers == 0)
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()

    def _acquire_read(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._writing)
            self._readers += 1

    def _release_read(self) -> None:
        with self._changed:
            self._readers -= 1
            self._changed.notify_all()


class _ArrowSource:
    """Stands for one table after another behind a view, because a new view costs more than inserting its rows."""

    table: Any = None

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        stream: object = self.table.__arrow_c_stream__(requested_schema)
        return stream


class Cursor:
    """A connection for one thread. `execute` returns the connection, from which the rows are read."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._sources: dict[str, _ArrowSource] = {}
        self.chain_head: ChainHead | None = None
        """The newest entry of the audit trail that this transaction appends."""
        self._tables = set[str]()

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> duckdb.DuckDBPyConnection:
        return self._connection.execute(self._statement(sql), parameters)

    def value(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """The first column of the first row; ``None`` without a row."""
        rows = self.execute(sql, parameters).fetchall()  # a result that is not read to its end blocks Arrow
        return rows[0][0] if rows else None

    def values(self, type_: Callable[..., T], sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[T]:
        """All rows as values. Columns have the names of the fields. Where the type has `x_us`, a column is `x_time`.

        A column `x_json` is the JSON of the field `x`; a list becomes a tuple.
        """
        result = self.execute(sql, parameters)
        types = _types_of(type_) if hasattr(type_, "__struct_fields__") else {}
        columns = [_field(name, str(kind), types) for name, kind, *_ in result.description or ()]
        return [
            type_(
                **{
                    name: value if read is None or value is None else read(value)
                    for (name, read), value in zip(columns, row, strict=True)
                }
            )
            for row in result.fetchall()
        ]

    def insert(self, table: str, /, **row: Any) -> None:
        """Insert a row with these columns."""
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))  # noqa: S608 - ours
        self._tables.add(table)

    def append(self, table: str, row: Mapping[str, Any]) -> int:
        """Insert a row with the next ``number`` of the table; returns the number."""
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        new = f"SELECT coalesce(max(number), 0) + 1, {marks} FROM {table} RETURNING number"  # noqa: S608 - ours
        return int(self.value(f"INSERT INTO {table} (number, {names}) {new}", list(row.values())))

    def sql(self, sql: str, parameters: Sequence[Any]) -> duckdb.DuckDBPyRelation:
        return self._connection.sql(sql, params=parameters)

    @contextmanager
    def reading(self, name: str, table: Any) -> Iterator[None]:
        """Let statements of this thread read the Arrow table under the name, which stands for tables of one schema."""
        source = self._sources.get(name, _ArrowSource())
        source.table = table
        try:
            if name not in self._sources:
                self._connection.register(name, source)
                self._sources[name] = source
            yield
        finally:
            source.table = None

    def take_chain_head(self) -> ChainHead | None:
        """The head that the transaction has left, which the next one does not have."""
        head, self.chain_head = self.chain_head, None
        return head

    def take_tables(self) -> set[str]:
        """The tables into which `insert` wrote in this transaction; the next one begins without any."""
        tables, self._tables = self._tables, set()
        return tables

    def forget_views(self) -> None:
        """Call it after a rollback, which removes the names that the transaction has made."""
        self._sources.clear()

    def close(self) -> None:
        self._connection.close()

    def _statement(self, sql: str) -> duckdb.Statement | str:
        """The parsed text, which every connection runs as a copy; a long text itself."""
        if len(sql) > LONGEST:
            return sql
        statement = _parsed.get(sql)
        if statement is None:
            if len(_parsed) >= STATEMENTS:
                _parsed.clear()
            (statement,) = self._connection.extract_statements(sql)
            _parsed[sql] = statement
        return statement


@lru_cache
def _types_of(struct: Any) -> Mapping[str, Any]:
    return {field.name: field.type for field in fields(struct)}


def _field(column: str, kind: str, types: Mapping[str, Any]) -> tuple[str, Callable[[Any], Any] | None]:
    """The field of a column, and what reads its values. ``types``: those of a struct's fields."""
    if column.endswith("_time") and column in types:
        return column, with_zone
    if column.endswith("_time"):
        return column.removesuffix("_time") + "_us", microseconds
    if column.endswith("_json"):
        name = column.removesuffix("_json")
        return name, lambda text: convert(json.loads(text), types.get(name, Any))
    return column, tuple if kind.endswith("[]") else None
