"""Runs in columns, as comparisons and gates need them, read from the store."""

from __future__ import annotations

from functools import partial

from evaluators.run_table import RunTable
from evaluators.stored_table import table_from
from fairtrial.store import run_columns
from fairtrial.store.database import Database


def load_table(database: Database, run_id: str) -> RunTable | None:
    """The run, or ``None`` if there is none of that id; details of scores are read when a figure asks for them."""
    columns = run_columns.columns(database, run_id)
    return None if columns is None else table_from(columns, partial(run_columns.details, database, run_id))
