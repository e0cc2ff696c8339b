"""Finds definitions outside a store's schema, because views, macros and the like run whenever the store is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb

from fairtrial.store.core.migrate import migrate

SHOWN = 5
TABLES = """
SELECT schema_name || '.' || table_name, sql FROM duckdb_tables()
WHERE database_name = current_database() AND NOT internal AND NOT temporary
"""
INDEXES = """
SELECT schema_name || '.' || index_name, coalesce(sql, '') FROM duckdb_indexes()
WHERE database_name = current_database()
"""
SEQUENCES = """
SELECT schema_name || '.' || sequence_name, '' FROM duckdb_sequences()
WHERE database_name = current_database() AND NOT temporary
"""
VIEWS = """
SELECT schema_name || '.' || view_name, '' FROM duckdb_views()
WHERE database_name = current_database() AND NOT internal AND NOT temporary
"""
MACROS = """
SELECT DISTINCT schema_name || '.' || function_name, '' FROM duckdb_functions()
WHERE database_name = current_database() AND NOT internal
"""
TYPES = """
SELECT DISTINCT schema_name || '.' || type_name, '' FROM duckdb_types()
WHERE database_name = current_database() AND NOT internal
"""
SCHEMAS = """
SELECT schema_name, '' FROM duckdb_schemas() WHERE database_name = current_database() AND NOT internal
"""
TRIGGERS = "SELECT trigger_name, '' FROM duckdb_triggers() WHERE database_name = current_database()"
HAS_TRIGGERS = "SELECT count(*) FROM duckdb_functions() WHERE function_name = 'duckdb_triggers'"
KINDS = {
    "table": TABLES,
    "index": INDEXES,
    "sequence": SEQUENCES,
    "view": VIEWS,
    "macro": MACROS,
    "type": TYPES,
    "schema": SCHEMAS,
}


def foreign_definitions(connection: duckdb.DuckDBPyConnection, *, schema: int) -> list[str]:
    """Definitions of this store that no store with the migrations up to ``schema`` has, as ``view main.x``.

    A table that is missing, or has other columns, defaults or constraints, counts as well.
    """
    with duckdb.connect() as reference:
        migrate(reference, until=schema)
        own = dict(_definitions(reference))
    found = dict(_definitions(connection))
    odd = [_named(*key) for key, sql in found.items() if own.get(key) != sql]
    return sorted([*odd, *(f"no {_named(*key)}" for key in own.keys() - found.keys())])


def format_names(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _definitions(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[tuple[str, str], str]]:
    kinds = dict(KINDS)
    if _one(connection, HAS_TRIGGERS):
        kinds["trigger"] = TRIGGERS
    for kind, query in kinds.items():
        for name, sql in connection.execute(query).fetchall():
            yield (kind, str(name)), str(sql)


def _named(kind: str, name: str) -> str:
    return f"{kind} {name!r}"


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None
