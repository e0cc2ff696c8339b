"""Renders docs/reference/tables.md from the migrations: every table and column with its meaning."""

from __future__ import annotations

from pathlib import Path

import duckdb

from fairtrial.config.file.yaml_file import load_one
from fairtrial.store.core.engine import migrate
from scripts.reference.markdown import code, page, prose, table

MEANINGS = Path(__file__).with_name("tables.yaml")
COLUMNS = """
SELECT table_name, column_name, data_type
FROM information_schema.columns
ORDER BY table_name, ordinal_position
"""
INTRO = """\
The store is one DuckDB file. Only the control process opens it; all others use [HTTP](http.md). There are no
primary keys and no indexes, because the ledger `offsets` prevents duplicates. Times are UTC. [Data
flow](../privacy/data-flow.md) says what the store contains about people, for how long, and how it is erased."""


def tables_page() -> str:
    """The page; raises `KeyError` for a column without a meaning."""
    meanings = load_one(MEANINGS).value
    sections = [_section(name, columns, meanings) for name, columns in tables().items()]
    return page("Tables of the store", INTRO, *sections)


def tables() -> dict[str, dict[str, str]]:
    """Every table's columns with their types, from the migrations as they stand."""
    with duckdb.connect() as connection:
        migrate(connection)
        found: dict[str, dict[str, str]] = {}
        for name, column, kind in connection.execute(COLUMNS).fetchall():
            found.setdefault(name, {})[column] = kind
    return found


def _section(name: str, columns: dict[str, str], meanings: dict[str, dict[str, str]]) -> str:
    own = meanings[name]
    rows = [
        (code(column), kind, prose(_meaning(name, column, own, meanings["everywhere"])))
        for column, kind in columns.items()
    ]
    return "\n\n".join([f"## {name}", prose(own["about"]), table(("column", "type", "meaning"), rows)])


def _meaning(name: str, column: str, own: dict[str, str], everywhere: dict[str, str]) -> str:
    found = own.get(column, everywhere.get(column))
    if found is None:
        raise KeyError(f"{MEANINGS.name}: {name}.{column} has no meaning in the file")
    return found
