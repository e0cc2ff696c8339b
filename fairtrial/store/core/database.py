"""The one DuckDB file: opened by its owner only, shut off from the rest of the disk, one cursor for each thread."""

from __future__ import annotations

import os
import shutil
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow

from fairtrial.config.layout import Layout
from fairtrial.config.private_files import sweep_folder, sync_folder
from fairtrial.domain.errors import StoreError
from fairtrial.store.core import damage, erasure_state
from fairtrial.store.core.engine_errors import store_error
from fairtrial.store.core.engine_memory import memory_limit
from fairtrial.store.core.migrate import migrate
from fairtrial.store.core.owner_lock import OwnerLock
from fairtrial.store.core.partial_backup import sweep_part
from fairtrial.store.core.query import Query, aware
from fairtrial.store.core.read_write_lock import Turnstile

THREADS = 2
STORAGE_VERSION = "v1.5.0"
"""Files stay readable by every release that is supported."""

Cursor = duckdb.DuckDBPyConnection


class Database:
    """The open store. `reading` gives this thread's cursor; `writing` a transaction, one at a time.

    `frozen` keeps writers out, so that the whole file may be copied and `replace_file` may put the copy in its place.
    Whoever deletes or rewrites files of sealed segments holds ``sealed_segments``.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, lock: OwnerLock, layout: Layout) -> None:
        self.layout = layout
        self.lock = lock
        self.sealed_segments = threading.Lock()
        self._connection = connection
        self._local = threading.local()
        self._cursors: weakref.WeakSet[Cursor] = weakref.WeakSet()
        self._writer = threading.Lock()
        self._turnstile = Turnstile()
        self._inode = layout.store.stat().st_ino
        self._damage: str | None = None
        self._must_reopen: str | None = None

    @classmethod
    def open(cls, layout: Layout) -> Database:
        """Own and open the store, made and migrated if need be; raises `StoreLocked`, `StoreError`."""
        with damage.opening(layout):
            layout.make()
            lock = OwnerLock.take(layout)
        return cls.open_owned(layout, lock)

    @classmethod
    def open_owned(cls, layout: Layout, lock: OwnerLock) -> Database:
        """Open a store that this program owns already; the lock is released if that fails (`StoreError`)."""
        try:
            damage.refuse_damaged(layout)
            sweep_part(copies(layout))
            sweep_folder(copies(layout))
            for left in (spill(layout), layout.store.with_name(f"{layout.store.name}.tmp")):  # the last: 0.1.0's
                shutil.rmtree(left, ignore_errors=True)
            erasure_state.sweep(layout)
            connection = _connect(layout)
            _migrate(connection, layout)
            _shut_off(connection, chunks(layout), copies(layout))
        except (duckdb.Error, OSError) as error:
            lock.release()
            raise damage.unusable(layout, error) from error
        except StoreError:
            lock.release()
            raise
        return cls(connection, lock, layout)

    def failure(self) -> str | None:
        """Why this store can't be used any more and must be closed without another write; ``None`` if it can.

        Damage is noted, so that the next start refuses the file until it is another one.
        """
        with self._turnstile.shared():
            wrong = damage.wrong_file(self.layout.store, self._inode)
        if wrong is None and self._damage is not None:
            damage.note_damage(self.layout, self._damage)
        return wrong or self._damage or self._must_reopen

    def reading(self) -> Cursor:
        """The cursor of this thread: a connection shared between threads gives wrong answers without an error."""
        of, cursor = getattr(self._local, "cursor", (None, None))
        if cursor is None or of is not self._connection:
            cursor = self._connection.cursor()
            self._cursors.add(cursor)
            self._local.cursor = (self._connection, cursor)
        return cursor

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
        """One transaction: committed at the end, rolled back on any error. Not to be nested."""
        with self._writer, self._turnstile.shared():
            cursor = self.reading()
            cursor.execute("BEGIN TRANSACTION")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException as error:
                self._look_at(error)
                _roll_back(cursor)
                raise

    @contextmanager
    def looking(self) -> Iterator[Cursor]:
        """This thread's cursor, for as long as the file stays what it is."""
        with self._turnstile.shared():
            try:
                yield self.reading()
            except duckdb.Error as error:
                self._look_at(error)
                raise

    @contextmanager
    def snapshot(self) -> Iterator[Cursor]:
        """A cursor whose queries all see the same state of the store; raises `StoreError`."""
        try:
            with self.looking() as cursor:
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                try:
                    yield cursor
                finally:
                    _roll_back(cursor)
        except duckdb.Error as error:
            raise self._no_answer(error) from error

    @contextmanager
    def frozen(self) -> Iterator[Cursor]:
        """Nobody writes for as long as this lasts; readers go on. The only place for `replace_file`."""
        with self._writer:
            yield self.reading()

    def replace_file(self, new: Path) -> None:
        """Put a whole and closed store file in the place of this one; within `frozen`. Readers wait meanwhile.

        Raises `StoreError` or `OSError`; the file is then the old one or the new one, never a mixture.
        """
        with self._turnstile.alone():
            self._disconnect()
            try:
                _refuse_log(self.layout.store)
                new.replace(self.layout.store)
                sync_folder(self.layout.store.parent)
            finally:
                self._connection = _connect(self.layout)
                self._inode = self.layout.store.stat().st_ino
                _shut_off(self._connection, chunks(self.layout), copies(self.layout))

    def dicts(self, query: Query) -> list[dict[str, Any]]:
        """All rows of a listing by column; times are aware and in UTC; raises `StoreError`."""
        try:
            with self.looking() as cursor:
                result = cursor.execute(query.sql, list(query.parameters))
                names = [column[0] for column in result.description or ()]
                return [dict(zip(names, map(aware, row), strict=True)) for row in result.fetchall()]
        except duckdb.Error as error:
            raise self._no_answer(error) from error

    def arrow(self, query: Query) -> pyarrow.Table:
        """The same rows as an Arrow table; raises `StoreError`."""
        try:
            with self.looking() as cursor:
                return cursor.sql(query.sql, params=list(query.parameters)).to_arrow_table()
        except duckdb.Error as error:
            raise self._no_answer(error) from error

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query; raises `StoreError`."""
        try:
            with self.looking() as cursor:
                return cursor.execute(sql, parameters).fetchall()
        except duckdb.Error as error:
            raise self._no_answer(error) from error

    def close(self) -> None:
        """Write everything to the file and give the store up."""
        with self._writer:
            self._connection.close()
            self.lock.release()

    def _look_at(self, error: BaseException) -> None:
        """Remember an error that tells of the file or of the engine, not of the query."""
        if isinstance(error, duckdb.Error) and damage.is_damage(error):
            self._damage = str(error)
        elif isinstance(error, duckdb.Error) and damage.needs_reopening(error):
            self._must_reopen = str(error)

    def _no_answer(self, error: duckdb.Error) -> StoreError:
        return store_error(error, advice=damage.advice(self.layout, str(error)) if self._damage is not None else "")

    def _disconnect(self) -> None:
        """Every cursor, for the engine lets go of the file only with the last; what the log holds goes into it."""
        for cursor in list(self._cursors):
            cursor.close()
        self._cursors.clear()
        self._connection.close()


def chunks(layout: Layout) -> Path:
    """Where the ingester lays the lines that DuckDB reads; with `copies` the only folder that it may touch."""
    return layout.folder / "ingest"


def copies(layout: Layout) -> Path:
    """Where whole copies of the store are made; emptied whenever the store is opened."""
    return layout.folder / "copies"


def spill(layout: Layout) -> Path:
    """Where the engine lays rows that memory has no room for (mode 0700); a killed one leaves them to the next."""
    return layout.folder / "spill"


def _connect(layout: Layout) -> duckdb.DuckDBPyConnection:
    for folder in (chunks(layout), spill(layout)):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    size = layout.store.stat().st_size if layout.store.exists() else 0
    settings = engine_settings(layout.memory_mb, file_bytes=size) | {"temp_directory": str(spill(layout).absolute())}
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
        raise damage.unusable(layout, error) from error


def engine_settings(memory_mb: int | None = None, *, file_bytes: int = 0) -> dict[str, Any]:
    """How the engine is started, for the store and for copies of it; its memory is as `memory_limit` says."""
    settings: dict[str, Any] = {
        "memory_limit": memory_limit(memory_mb, file_bytes=file_bytes),
        "threads": THREADS,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if int(duckdb.__version__.split(".")[0]) >= 2:
        settings["storage_compatibility_version"] = STORAGE_VERSION
    return settings


def _shut_off(connection: duckdb.DuckDBPyConnection, *folders: Path) -> None:
    """Whatever a query says, it can't read or write other files, load extensions, or change this."""
    allowed = ", ".join(f"'{_quoted(str(folder.absolute()))}/'" for folder in folders)
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _refuse_log(store: Path) -> None:
    """A file must not meet the log of another: the engine has written its log into the file before it let go."""
    left = [path.name for path in store.parent.glob(f"{store.name}.wal*") if path.stat().st_size > 0]
    if left:
        raise StoreError(f"{store}: {left[0]} could not be written into the file (is the disk full?)")


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _roll_back(cursor: Cursor) -> None:
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:
        return
