"""The one DuckDB file: opened by its owner only, shut off from the rest of the disk, one cursor for each thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError
from fairtrial.store.migrate import migrate
from fairtrial.store.owner_lock import OwnerLock
from fairtrial.store.query import Query, aware

MEMORY_LIMIT = "512MB"
THREADS = 2
STORAGE_VERSION = "v1.5.0"
"""Files stay readable by every release that is supported."""

Cursor = duckdb.DuckDBPyConnection


class Database:
    """The open store. `reading` gives this thread's cursor; `writing` a transaction, one at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, lock: OwnerLock, layout: Layout) -> None:
        self.layout = layout
        self.lock = lock
        self._connection = connection
        self._local = threading.local()
        self._writer = threading.Lock()

    @classmethod
    def open(cls, layout: Layout) -> Database:
        """Own and open the store, made and migrated if need be; raises `StoreLocked`, `StoreError`."""
        layout.make()
        lock = OwnerLock.take(layout)
        try:
            connection = _connect(layout.store, chunks(layout))
            migrate(connection)
            _shut_off(connection, chunks(layout))
        except (duckdb.Error, OSError) as error:
            lock.release()
            raise StoreError(f"{layout.store}: the store can't be opened ({error})") from error
        except StoreError:
            lock.release()
            raise
        return cls(connection, lock, layout)

    def reading(self) -> Cursor:
        """The cursor of this thread: a connection shared between threads gives wrong answers without an error."""
        cursor: Cursor | None = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self._connection.cursor()
        return cursor

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
        """One transaction: committed at the end, rolled back on any error. Not to be nested."""
        with self._writer:
            cursor = self.reading()
            cursor.execute("BEGIN TRANSACTION")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                _roll_back(cursor)
                raise

    def dicts(self, query: Query) -> list[dict[str, Any]]:
        """All rows of a listing by column; times are aware and in UTC; raises `StoreError`."""
        try:
            result = self.reading().execute(query.sql, list(query.parameters))
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, map(aware, row), strict=True)) for row in result.fetchall()]
        except duckdb.Error as error:
            raise StoreError(f"the store could not answer ({error})") from error

    def arrow(self, query: Query) -> pyarrow.Table:
        """The same rows as an Arrow table; raises `StoreError`."""
        try:
            return self.reading().sql(query.sql, params=list(query.parameters)).to_arrow_table()
        except duckdb.Error as error:
            raise StoreError(f"the store could not answer ({error})") from error

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query; raises `StoreError`."""
        try:
            return self.reading().execute(sql, list(parameters)).fetchall()
        except duckdb.Error as error:
            raise StoreError(f"the store could not answer ({error})") from error

    def close(self) -> None:
        """Write everything to the file and give the store up."""
        with self._writer:
            self._connection.close()
            self.lock.release()


def chunks(layout: Layout) -> Path:
    """Where the ingester lays the lines that DuckDB reads: the only folder that it may read."""
    return layout.folder / "ingest"


def _connect(store: Path, folder: Path) -> duckdb.DuckDBPyConnection:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        "memory_limit": MEMORY_LIMIT,
        "threads": THREADS,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if int(duckdb.__version__.split(".")[0]) >= 2:
        settings["storage_compatibility_version"] = STORAGE_VERSION
    before = os.umask(0o077)
    try:
        return duckdb.connect(str(store), config=settings)
    finally:
        os.umask(before)


def _shut_off(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Whatever a query says, it can't read or write other files, load extensions, or change this."""
    connection.execute(f"SET allowed_directories = ['{_quoted(str(folder.absolute()))}/']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _roll_back(cursor: Cursor) -> None:
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:
        return
