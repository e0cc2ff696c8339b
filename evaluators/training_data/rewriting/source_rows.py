"""Reads the rows of a training file as they are written in it, so that a copy changes nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from evaluators.training_data.example_file import ExampleFile, renamed
from evaluators.training_data.rows import READERS, NumberedRow, as_utf8
from fairtrial.domain.errors import UsageError
from fairtrial.safe_files import read_named

JSON_LINES = (".jsonl", ".ndjson")


def row_texts(file: ExampleFile) -> dict[int, bytes]:
    """Each readable row by its line, as JSON on one line: unchanged from JSON Lines, otherwise with all its columns.

    Columns that the file names otherwise become ``prompt`` and ``completion``.

    Raises `UsageError` if the file has changed since its examples were read.
    """
    content = _content(file)
    if file.path.suffix.lower() in JSON_LINES and file.columns is None:
        lines = content.split(b"\n")
        return {one.line: lines[one.line - 1].rstrip(b"\r") for one in file.examples}
    return {line: row_text(columns) for line, columns in _columns(file, content).items()}


def row_columns(file: ExampleFile) -> dict[int, dict[str, Any]]:
    """Each readable row by its line, as columns; raises `UsageError` if the file has changed."""
    return _columns(file, _content(file))


def row_text(columns: Mapping[str, Any]) -> bytes:
    """A row as JSON on one line."""
    return json.dumps(columns, ensure_ascii=False).encode()


def joined_rows(rows: Iterable[bytes]) -> bytes:
    """A file of JSON Lines."""
    return b"".join(row + b"\n" for row in rows)


def _content(file: ExampleFile) -> bytes:
    content = read_named(file.path)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise UsageError(f"{file.path}: the file changed while it was read; run the command again")
    return as_utf8(content)


def _columns(file: ExampleFile, content: bytes) -> dict[int, dict[str, Any]]:
    known = {one.line for one in file.examples}
    rows = READERS[file.path.suffix.lower()](content)
    rows = rows if file.columns is None else renamed(rows, file.columns)
    return {row.line: row.columns for row in rows if isinstance(row, NumberedRow) and row.line in known}
