"""Opens the one DuckDB file: by its owner only, without access to other files, and with one cursor for each thread."""

from __future__ import annotations

import os
import shutil
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import OwnerLock
from fairtrial.domain.errors import StoreError
from fairtrial.domain.limits.constants import with_zone
from fairtrial.safe_files import sweep_folder, sync_folder
from fairtrial.store.core import recovery
from fairtrial.store.core.changes import Changes
from fairtrial.store.core.engine import engine_settings, is_damage, migrate, store_error
from fairtrial.store.core.query import Query
from fairtrial.store.core.state_files import save_chain_head, sweep_erasure, sweep_part
from fairtrial.store.core.thread_access import Cursor as Cursor, ReadWriteLock, T

if TYPE_CHECKING:
    import pyarrow


class Database:
    """The open store: one cursor for each thread, and one write transaction at a time.

    `exclusive` blocks writers, so that the whole file can be copied and `replace_file` can put the copy in its place.
    Code that deletes or rewrites sealed segments must hold ``sealed_segments``. ``changes`` counts write transactions.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, lock: OwnerLock, layout: Layout) -> None:
        self.layout = layout
        self.lock = lock
        self.sealed_segments = threading.Lock()
        self._connection = connection
        self._local = threading.local()
        self._cursors: weakref.WeakSet[Cursor] = weakref.WeakSet()
        self._writer = threading.Lock()
        self._file_lock = ReadWriteLock()
        self._inode = layout.store.stat().st_ino
        self.changes = Changes()
        self._damage: str | None = None
        self._must_reopen: str | None = None

    @classmethod
    def open(cls, layout: Layout) -> Database:
        """Own, create, migrate and open the store; raises `StoreLocked`, `StoreError`."""
        with recovery.unusable_on_error(layout):
            layout.make()
            lock = OwnerLock.take(layout)
        return cls.open_owned(layout, lock)

    @classmethod
    def open_owned(cls, layout: Layout, lock: OwnerLock, *, is_new: bool = False) -> Database:
        """Open a store that this program already owns; ``is_new``: in place of a lost one.

        On `StoreError` the lock is released.
        """
        try:
            if not is_new:
                recovery.refuse_damaged(layout)
            sweep_part(copy_folder(layout))
            sweep_folder(copy_folder(layout))
            from_first_release = layout.store.with_name(f"{layout.store.name}.tmp")
            for left in (spill_folder(layout), from_first_release):
                shutil.rmtree(left, ignore_errors=True)
            sweep_erasure(layout)
            connection = _connect(layout)
            _migrate(connection, layout)
            _restrict_access(connection, chunk_folder(layout), copy_folder(layout))
        except (duckdb.Error, OSError) as error:
            lock.release()
            raise recovery.unusable_error(layout, error) from error
        except StoreError:
            lock.release()
            raise
        return cls(connection, lock, layout)

    def failure(self) -> str | None:
        """Why this store must be closed without another write; ``None`` while it can be used.

        Damage is recorded, so that the next start refuses the file until it is replaced.
        """
        with self._file_lock.read():
            wrong = recovery.file_problem(self.layout.store, self._inode)
        if wrong is None and self._damage is not None:
            recovery.record_damage(self.layout, self._damage)
        return wrong or self._damage or self._must_reopen

    def cursor(self) -> Cursor:
        """The cursor of this thread. A connection that threads share returns wrong answers without an error."""
        of, cursor = getattr(self._local, "cursor", (None, None))
        if cursor is None or of is not self._connection:
            cursor = Cursor(self._connection.cursor())
            self._cursors.add(cursor)
            self._local.cursor = (self._connection, cursor)
        return cursor

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """One write transaction: committed at the end, rolled back on any error. It must not be nested."""
        with self._writer, self._file_lock.read():
            cursor = self.cursor()
            cursor.execute("BEGIN TRANSACTION")
            try:
                yield cursor
                cursor.execute("COMMIT")
                if (head := cursor.take_chain_head()) is not None:
                    save_chain_head(self.layout, head)
                self.changes.note(cursor.take_tables())
            except BaseException as error:
                self._note_error(error)
                _roll_back(cursor)
                raise

    @contextmanager
    def read_cursor(self) -> Iterator[Cursor]:
        """This thread's cursor, while `replace_file` waits. Each statement is a transaction by itself."""
        with self._file_lock.read():
            try:
                yield self.cursor()
            except duckdb.Error as error:
                self._note_error(error)
                raise

    @contextmanager
    def read_transaction(self) -> Iterator[Cursor]:
        """A cursor whose queries all see one snapshot of the store; raises `StoreError`."""
        with self._reader() as cursor:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            try:
                yield cursor
            finally:
                _roll_back(cursor)

    @contextmanager
    def exclusive(self) -> Iterator[Cursor]:
        """Block all writers; readers continue. Only here may `replace_file` be called."""
        with self._writer:
            yield self.cursor()

    def replace_file(self, new: Path) -> None:
        """Replace this store's file by a complete and closed one, within `exclusive`. Readers wait meanwhile.

        Raises `StoreError` or `OSError`; the file is then the old one or the new one, never a mixture.
        """
        with self._file_lock.write():
            self._disconnect()
            try:
                _refuse_log(self.layout.store)
                new.replace(self.layout.store)
                sync_folder(self.layout.store.parent)
            finally:
                self._connection = _connect(self.layout)
                self._inode = self.layout.store.stat().st_ino
                _restrict_access(self._connection, chunk_folder(self.layout), copy_folder(self.layout))

    def dicts(self, query: Query) -> list[dict[str, Any]]:
        """All rows as dictionaries by column name. Times are time-zone-aware and in UTC. Raises `StoreError`."""
        with self._reader() as cursor:
            result = cursor.execute(query.sql, list(query.parameters))
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, map(with_zone, row), strict=True)) for row in result.fetchall()]

    def arrow(self, query: Query) -> pyarrow.Table:
        """All rows as an Arrow table; raises `StoreError`."""
        with self._reader() as cursor:
            return cursor.sql(query.sql, list(query.parameters)).to_arrow_table()

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """All rows as tuples; raises `StoreError`."""
        with self._reader() as cursor:
            return cursor.execute(sql, parameters).fetchall()

    def value(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """The first column of the first row, ``None`` without a row; raises `StoreError`."""
        with self._reader() as cursor:
            return cursor.value(sql, parameters)

    def values(self, type_: Callable[..., T], sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[T]:
        """All rows as values, as `Cursor.values` reads them; raises `StoreError`."""
        with self._reader() as cursor:
            return cursor.values(type_, sql, parameters)

    def close(self) -> None:
        """Write everything to the file and release the ownership."""
        with self._writer:
            self._connection.close()
            self.lock.release()

    @contextmanager
    def _reader(self) -> Iterator[Cursor]:
        """As `read_cursor`; raises `StoreError`."""
        try:
            with self.read_cursor() as cursor:
                yield cursor
        except duckdb.Error as error:
            raise store_error(
                error, advice=recovery.advice(self.layout, str(error)) if self._damage is not None else ""
            ) from error

    def _note_error(self, error: BaseException) -> None:
        """Remember an error about the file or the engine, as opposed to one about the query."""
        if isinstance(error, duckdb.Error) and is_damage(error):
            self._damage = str(error)
        elif isinstance(error, duckdb.Error) and recovery.needs_reopening(error):
            self._must_reopen = str(error)

    def _disconnect(self) -> None:
        """Close every cursor. With the last one, the engine writes its log into the file and releases it."""
        for cursor in list(self._cursors):
            cursor.close()
        self._cursors.clear()
        self._connection.close()


def chunk_folder(layout: Layout) -> Path:
    """The folder for the lines that DuckDB ingests. The engine can access only this folder and `copy_folder`."""
    return layout.folder / "ingest"


def copy_folder(layout: Layout) -> Path:
    """The folder for complete copies of the store. It is emptied whenever the store is opened."""
    return layout.folder / "copies"


def spill_folder(layout: Layout) -> Path:
    """The folder (mode 0700) for rows that exceed the memory. It is emptied whenever the store is opened."""
    return layout.folder / "spill"


def _connect(layout: Layout) -> duckdb.DuckDBPyConnection:
    for folder in (chunk_folder(layout), spill_folder(layout)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    size = layout.store.stat().st_size if layout.store.exists() else 0
    settings = engine_settings(layout.memory_mb, file_bytes=size) | {
        "temp_directory": str(spill_folder(layout).absolute())
    }
    before = os.umask(0o077)
    try:
        return duckdb.connect(str(layout.store), config=settings)
    finally:
        os.umask(before)


def _migrate(connection: duckdb.DuckDBPyConnection, layout: Layout) -> None:
    try:
        migrate(connection)
    except StoreError as error:
        connection.close()
        raise recovery.unusable_error(layout, error) from error


def _restrict_access(connection: duckdb.DuckDBPyConnection, *folders: Path) -> None:
    """Restrict queries: they can't access other files, load extensions, or change these settings."""
    paths = (str(folder.absolute()).replace("'", "''") for folder in folders)
    allowed = ", ".join(f"'{path}/'" for path in paths)
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _refuse_log(store: Path) -> None:
    """Raise `StoreError` if a write-ahead log is left, because it must not be applied to another file."""
    left = [path.name for path in store.parent.glob(f"{store.name}.wal*") if path.stat().st_size > 0]
    if left:
        raise StoreError(f"{store}: {left[0]} could not be written into the file (is the disk full?)")


def _roll_back(cursor: Cursor) -> None:
    cursor.forget_views()
    cursor.take_chain_head()
    cursor.take_tables()
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:
        return
