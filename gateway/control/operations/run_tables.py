"""Loads runs from the store in columns, as comparisons and gates need them."""

from __future__ import annotations

from functools import partial

import pyarrow

from evaluators.results.run_table import RunTable
from evaluators.results.stored_table import table_from
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import run_columns
from gateway.memory import give_back


def load_table(database: Database, run_id: str) -> RunTable | None:
    """The run, or ``None`` if it does not exist. Details of scores are read on demand."""
    columns = run_columns.columns(database, run_id)
    if columns is None:
        return None
    table = table_from(columns, partial(run_columns.details, database, run_id))
    del columns
    give_back()
    pyarrow.default_memory_pool().release_unused()
    return table
