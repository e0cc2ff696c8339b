"""Migrates a store to the newest schema with numbered SQL files, each applied once in one transaction."""

from __future__ import annotations

from importlib import resources

import duckdb

from fairtrial.domain.errors import StoreError

LEDGER = "CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER, name VARCHAR, at_time TIMESTAMP)"
APPLIED = "SELECT coalesce(max(number), 0) FROM schema_migrations"
RECORD = "INSERT INTO schema_migrations (number, name, at_time) VALUES (?, ?, now() AT TIME ZONE 'UTC')"


def migrate(connection: duckdb.DuckDBPyConnection, *, until: int | None = None) -> int:
    """Apply the missing migrations and return the schema's number; raises `StoreError` for a newer store.

    ``until``: the last migration to apply, for the schema of an older program.
    """
    connection.execute(LEDGER)
    at = schema_of(connection)
    known = migrations()
    newest = max(known)
    if at > newest:
        raise StoreError(f"the store has schema {at}, of a newer fairtrial (known: up to {newest})")
    for number, (name, sql) in sorted(known.items()):
        if number > at and (until is None or number <= until):
            _apply(connection, number, name, sql)
    if at < newest:
        connection.execute("CHECKPOINT")
    return newest


def migrations() -> dict[int, tuple[str, str]]:
    """The number of each migration, with its name and SQL."""
    folder = resources.files("fairtrial.store").joinpath("migrations")
    files = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return {int(file.name.split("_")[0]): (file.name, file.read_text(encoding="utf-8")) for file in files}


def _apply(connection: duckdb.DuckDBPyConnection, number: int, name: str, sql: str) -> None:
    connection.execute("BEGIN TRANSACTION")
    try:
        for statement in sql.split(";\n"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(RECORD, [number, name])
        connection.execute("COMMIT")
    except duckdb.Error as error:
        connection.execute("ROLLBACK")
        raise StoreError(f"{name}: the store could not be migrated ({error})") from error


def schema_of(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the newest migration in this store. The table of migrations must exist."""
    row = connection.execute(APPLIED).fetchone()
    return int(row[0]) if row else 0
