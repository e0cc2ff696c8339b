"""Passes lines to DuckDB as a file, because `read_json` with explicit columns is far faster than bound rows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from fairtrial.store.core.database import Cursor
from fairtrial.store.core.query import END_OF_TIME_US, timestamp
from fairtrial.store.ingest.columns import KINDS, Kind

PRIVATE = 0o600
MINUTE_US = 60_000_000
SMALLEST_OBJECT = 1 << 20
"""DuckDB allocates buffers of the largest object's size, so the size is set from the lines at hand."""


def insert_lines(cursor: Cursor, lines: Mapping[str, Sequence[bytes]], scratch: Path) -> None:
    """Insert lines by kind, within the caller's transaction; raises `duckdb.Error`."""
    for name in (kind for kind in KINDS if kind in lines):  # requests first, because the other kinds look them up
        of_kind = lines[name]
        file = scratch / f"{os.getpid()}-{name}.jsonl"
        try:
            with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, PRIVATE), "wb") as out:
                out.writelines(of_kind)
            bound = _near(of_kind) if KINDS[name].near else {}
            _insert(cursor, KINDS[name], file, longest=max(map(len, of_kind)), bound=bound)
        finally:
            file.unlink(missing_ok=True)


def sweep(scratch: Path) -> None:
    """Delete files of a killed owner, because they contain bodies. For the owner of the store only."""
    for file in scratch.glob("*.jsonl"):
        file.unlink()


def _insert(cursor: Cursor, kind: Kind, file: Path, *, longest: int, bound: Mapping[str, object]) -> None:
    columns = ", ".join(f"'{field}': '{type_}'" for field, type_ in kind.fields.items())
    size = max(SMALLEST_OBJECT, 2 * longest)
    lines = f"read_json($file, format = 'newline_delimited', columns = {{{columns}}}, maximum_object_size = {size})"
    for insert in kind.inserts:
        cursor.execute(insert.replace("FROM lines", f"FROM {lines}"), {"file": str(file.absolute()), **bound})


def _near(lines: Sequence[bytes]) -> dict[str, object]:
    """The time range of the lines. Without bound values the engine would scan whole tables."""
    times = [min(max(msgspec.json.decode(line, type=_Timed).at_us, 0), END_OF_TIME_US) for line in lines]
    return {"since": timestamp(max(0, min(times) - MINUTE_US)), "until": timestamp(max(times) + MINUTE_US)}


class _Timed(msgspec.Struct):
    at_us: int
