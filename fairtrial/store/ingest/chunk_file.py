"""Passes lines to DuckDB as a file, because `read_json` with explicit columns is far faster than bound rows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from fairtrial.domain.limits.constants import PRIVATE
from fairtrial.store.core.database import Cursor
from fairtrial.store.ingest.columns import KINDS, Kind

SMALLEST_OBJECT = 1 << 20
"""DuckDB allocates buffers of the largest object's size, so the size is set from the lines at hand."""


def insert_lines(cursor: Cursor, lines: Mapping[str, Sequence[bytes]], scratch: Path) -> None:
    """Insert lines by kind, within the caller's transaction; raises `duckdb.Error`."""
    for name in (kind for kind in KINDS if kind in lines):
        of_kind = lines[name]
        file = scratch / f"{os.getpid()}-{name}.jsonl"
        try:
            with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, PRIVATE), "wb") as out:
                out.writelines(of_kind)
            _insert(cursor, KINDS[name], file, longest=max(map(len, of_kind)))
        finally:
            file.unlink(missing_ok=True)


def sweep(scratch: Path) -> None:
    """Delete files of a killed owner, because they contain bodies. For the owner of the store only."""
    for file in scratch.glob("*.jsonl"):
        file.unlink()


def _insert(cursor: Cursor, kind: Kind, file: Path, *, longest: int) -> None:
    """Insert into each table. Lines for several tables are parsed only once, into a temporary table."""
    columns = ", ".join(f"'{field}': '{type_}'" for field, type_ in kind.fields.items())
    size = max(SMALLEST_OBJECT, 2 * longest)
    lines = f"read_json($file, format = 'newline_delimited', columns = {{{columns}}}, maximum_object_size = {size})"
    named = {"file": str(file.absolute())}
    if len(kind.inserts) == 1:
        cursor.execute(kind.inserts[0].replace("FROM lines", f"FROM {lines}"), named)
        return
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE lines AS SELECT * FROM {lines}", named)  # noqa: S608 - ours
    for insert in kind.inserts:
        cursor.execute(insert.replace("FROM lines", "FROM temp.lines"))
    cursor.execute("DROP TABLE temp.lines")
