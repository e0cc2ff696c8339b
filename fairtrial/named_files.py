"""Reads data files that a person names, within limits of size, and the rows of Parquet files."""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

from fairtrial.domain.errors import UsageError
from fairtrial.safe_files import MIB, FileRefused, open_regular, read_bounded

MOST_NAMED_BYTES = 1024 * MIB
"""The largest data file that a person may name: it is read as a whole."""
PARQUET = ".parquet"
MOST_UNPACKED = 1 << 30
"""Bytes of a Parquet file once its columns are unpacked."""


@contextmanager
def open_named(path: Path) -> Iterator[BufferedReader]:
    """A regular file that a person names, wherever it is; raises `UsageError`, and `OSError` as `open` does."""
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            yield file
    except FileRefused as error:
        known = f" ({error.known})" if error.known else ""
        raise UsageError(f"{path}: {error.wrong}{known}") from error


def read_named(path: Path, *, most: int = MOST_NAMED_BYTES) -> bytes:
    """The content of such a file; raises `UsageError` beyond ``most`` bytes."""
    with open_named(path) as file:
        return read_bounded(file.fileno(), most)


def digest_of(path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> str:
    """The SHA-256 of a regular file in hex; raises `OSError` and `UsageError`."""
    digest = hashlib.sha256()
    with open_named(path) as file:
        while piece := file.read(4 * MIB):
            digest.update(piece)
            on_bytes(file.tell())
    return digest.hexdigest()


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
