"""docs/reference/tables.md: every table and column that the migrations make, with its meaning."""

from __future__ import annotations

from pathlib import Path

import duckdb

from fairtrial.config.file.yaml_file import load_one
from fairtrial.store.core.migrate import migrate
from scripts.reference.markdown import code, page, prose, table

MEANINGS = Path(__file__).with_name("tables.yaml")
COLUMNS = """
SELECT table_name, column_name, data_type
FROM information_schema.columns
ORDER BY table_name, ordinal_position
"""
INTRO = """\
One DuckDB file, opened by the control process alone; everybody else asks over [HTTP](http.md). There are no
primary keys and no indexes: the ledger `offsets` keeps duplicates out. Times are UTC. What lies in it about
people, for how long, and how it is erased: [data flow](../privacy/data-flow.md)."""


def tables_page() -> str:
    """The page; raises `KeyError` for a column without a meaning."""
    told = load_one(MEANINGS).value
    sections = [_section(name, columns, told) for name, columns in tables().items()]
    return page("Tables of the store", INTRO, *sections)


def tables() -> dict[str, dict[str, str]]:
    """Every table's columns with their types, from the migrations as they stand."""
    with duckdb.connect() as connection:
        migrate(connection)
        found: dict[str, dict[str, str]] = {}
        for name, column, kind in connection.execute(COLUMNS).fetchall():
            found.setdefault(name, {})[column] = kind
    return found


def _section(name: str, columns: dict[str, str], told: dict[str, dict[str, str]]) -> str:
    own = told[name]
    rows = [
        (code(column), kind, prose(_meaning(name, column, own, told["everywhere"]))) for column, kind in columns.items()
    ]
    return "\n\n".join([f"## {name}", prose(own["about"]), table(("column", "type", "meaning"), rows)])


def _meaning(name: str, column: str, own: dict[str, str], everywhere: dict[str, str]) -> str:
    found = own.get(column, everywhere.get(column))
    if found is None:
        raise KeyError(f"{MEANINGS.name}: {name}.{column} has no meaning yet")
    return found
