"""What is in the store: how many rows of each noun, how large the file is, what was put aside."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from fairtrial.store.database import Database

TABLES = (
    "requests",
    "attempts",
    "exposures",
    "payloads",
    "feedback",
    "runs",
    "results",
    "scores",
    "verdicts",
    "keys",
    "events",
    "rejects",
)
SCHEMA = "SELECT max(number) FROM schema_migrations"


@dataclass(frozen=True, slots=True)
class Overview:
    """``rows`` by table; ``bytes`` of the file; the ``schema``'s number; ``duckdb`` the engine's version."""

    store: str
    bytes: int
    schema: int
    duckdb: str
    rows: dict[str, int]


def overview(database: Database) -> Overview:
    """Count everything once."""
    rows = {table: int(database.rows(f"SELECT count(*) FROM {table}")[0][0]) for table in TABLES}  # noqa: S608 - ours
    ((schema,),) = database.rows(SCHEMA)
    store = database.layout.store
    return Overview(str(store), store.stat().st_size, int(schema), duckdb.__version__, rows)
