"""Reads the rows of a Parquet file as JSON Lines, within limits of memory and rows."""

from __future__ import annotations

import json
import sys
from typing import Any

from fairtrial.safe_files import FileRefused

PARQUET = ".parquet"
MOST_UNPACKED = 1 << 30
"""Bytes of a Parquet file once its columns are unpacked."""


def parquet_as_lines(content: bytes, most_rows: int = sys.maxsize) -> str:
    """All rows; beyond ``most_rows``, the rest may be missing. Raises `FileRefused`.

    Null and NaN are left out, because Parquet has no other sign for a missing field. Dates are texts.
    """
    import pyarrow  # slow to load, and most files are not Parquet
    from pyarrow import parquet

    lines: list[str] = []
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(content))
        groups = (file.metadata.row_group(at) for at in range(file.metadata.num_row_groups))
        if sum(group.total_byte_size for group in groups) > MOST_UNPACKED:
            raise FileRefused(f"has more than {MOST_UNPACKED:,} bytes of rows")
        for batch in file.iter_batches(batch_size=1000):
            lines += [json.dumps(_known(row), ensure_ascii=False, default=str) for row in batch.to_pylist()]
            if len(lines) > most_rows:
                break
    except (pyarrow.ArrowException, OSError, UnicodeError) as error:
        raise FileRefused(f"is not a Parquet file: {error}") from error
    return "\n".join(lines)


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _known(inner) for name, inner in value.items() if inner is not None and inner == inner}
    return [_known(inner) for inner in value] if isinstance(value, list) else value
