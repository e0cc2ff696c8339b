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
MOST_UNPACKED = 2048 * MIB
UNPACKED, TIMES = 32 * MIB, 100
"""The bytes that any packed file may have once it is unpacked, and how often its own bytes it may have beyond."""
BATCH = 16 * MIB
VALUE = 4
"""Bytes that an empty value takes in memory, at least."""


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


def most_unpacked(size: int) -> int:
    """How many bytes a packed file of this size may have once it is unpacked, so that a small one fills no memory."""
    return min(MOST_UNPACKED, UNPACKED + TIMES * size)


def parquet_as_lines(content: bytes, most_rows: int = sys.maxsize, most: int = MOST_UNPACKED) -> str:
    """All rows; beyond ``most_rows``, the rest may be missing. Raises `FileRefused` beyond ``most`` decoded bytes.

    Null and NaN are left out, because Parquet has no other sign for a missing field. Dates are texts.
    """
    import pyarrow  # slow to load, and most files are not Parquet
    from pyarrow import parquet

    left = most = min(most, most_unpacked(len(content)))
    lines: list[str] = []
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(content))
        for batch in file.iter_batches(batch_size=_batch_size(file.metadata, most), use_threads=False):
            if batch.nbytes > left:
                raise FileRefused(f"has more than {most:,} bytes of rows")
            for row in batch.to_pylist():
                lines.append(json.dumps(_known(row), ensure_ascii=False, default=str))
                left -= len(lines[-1])
            if len(lines) > most_rows:
                break
    except RecursionError as error:
        raise FileRefused("has columns that are nested too deeply") from error
    except (pyarrow.ArrowException, OSError, UnicodeError) as error:
        raise FileRefused(f"is not a Parquet file: {error}") from error
    return "\n".join(lines)


def _batch_size(metadata: Any, most: int) -> int:
    """So many rows that a batch stays small even if each of them has the largest value; raises `FileRefused`.

    A value that many rows have is stored once, and empty values take no bytes, so neither the size of the file nor that
    of its groups bounds its rows.
    """
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    values = [sum(group.column(at).num_values for at in range(group.num_columns)) for group in groups]
    sizes = [group.total_byte_size + VALUE * count for group, count in zip(groups, values, strict=True)]
    if max(sum(sizes), VALUE * metadata.num_rows) > most:
        raise FileRefused(f"has more than {most:,} bytes of rows")
    return max(1, min(1000, BATCH // max(sizes, default=1)))


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _known(inner) for name, inner in value.items() if inner is not None and inner == inner}
    return [_known(inner) for inner in value] if isinstance(value, list) else value
