"""Counts what the store and the files beside it contain: rows, bytes, time range, retention and the last backup."""

from pathlib import Path

import duckdb

from fairtrial.config.layout import Layout
from fairtrial.config.plan.published import read
from fairtrial.domain.errors import PlanRefused
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.store_reports import Overview
from fairtrial.journal.segment import DONE, names
from fairtrial.store.core.database import Database
from fairtrial.store.core.state_files import is_erasure_unfinished
from fairtrial.store.ingest.ingest import lag_of
from fairtrial.store.maintenance.backup import list_backups

TABLES = """
SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main'
ORDER BY table_name
"""
SCHEMA = "SELECT max(number) FROM schema_migrations"
TIMES = "SELECT min(at_time), max(at_time) FROM requests"
ERASURES = "SELECT count(*) FROM erasures"
POSITIONS = "SELECT segment, max(position) FROM offsets GROUP BY segment"
FIRST = ("requests", "attempts", "exposures", "payloads", "feedback", "runs", "results", "scores", "verdicts")
"""The tables that people ask for first; the others follow by name."""


def overview(database: Database) -> Overview:
    layout = database.layout
    ((oldest, newest),) = database.rows(TIMES)
    return Overview(
        store=str(layout.store),
        bytes=_bytes(layout.store) + sum(map(_bytes, layout.store.parent.glob(f"{layout.store.name}.wal*"))),
        schema=int(database.value(SCHEMA)),
        duckdb=duckdb.__version__,
        rows=_rows(database),
        folders=_folders(layout),
        lag_bytes=_lag(database),
        oldest_us=None if oldest is None else microseconds(oldest),
        newest_us=None if newest is None else microseconds(newest),
        retain_days=_retain_days(layout),
        last_backup=next(iter(list_backups(database)), None),
        erasures=int(database.value(ERASURES)),
        erasure_unfinished=is_erasure_unfinished(layout),
    )


def _rows(database: Database) -> dict[str, int]:
    tables = {str(name) for (name,) in database.rows(TABLES)}
    order = [*(name for name in FIRST if name in tables), *sorted(tables.difference(FIRST))]
    return {name: int(database.value(f'SELECT count(*) FROM "{name}"')) for name in order}  # noqa: S608 - ours


def _folders(layout: Layout) -> dict[str, int]:
    done = layout.journal / DONE
    return {
        "journal": sum(_bytes(path) for path in layout.journal.glob("*")),
        "journal archive": sum(_bytes(path) for path in done.glob("*")),
        "cache": sum(_bytes(path) for path in layout.cache.glob("*")),
        "logs": sum(_bytes(path) for path in layout.logs.glob("*")),
    }


def _lag(database: Database) -> int:
    positions = {str(segment): int(position) for segment, position in database.rows(POSITIONS)}
    return lag_of(names(database.layout.journal), positions)


def _retain_days(layout: Layout) -> int | None:
    try:
        return read(layout.plan).plan.retain_days
    except PlanRefused:
        return None


def _bytes(path: Path) -> int:
    """0 if the path has disappeared or is a folder."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
