"""Reads the files that an import names, each within limits; a broken one is refused in one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluators.imports.imported import ImportRefused
from evaluators.loading.rows import MOST_ROWS, read_rows
from fairtrial.config.file.project_files import read_bytes
from fairtrial.config.file.yaml_file import parse
from fairtrial.domain.errors import ConfigError
from fairtrial.safe_files import MIB, PARQUET, FileRefused, parquet_as_lines

MOST_BYTES = 64 * MIB
MOST_VALUES = 2_000_000
"""Values of one JSON file."""


def exists(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have is none."""
    try:
        return path.exists()
    except OSError:
        return False


def read_content(path: Path, *, folder: Path | None = None) -> bytes:
    """The bytes of a regular file inside ``folder``, by default its own; raises `ImportRefused`."""
    try:
        return read_bytes(path, folder or path.absolute().parent, most=MOST_BYTES)
    except FileRefused as error:
        raise ImportRefused(f"{path}: it {error.wrong}" + (f" ({error.known})" if error.known else "")) from error


def read_text(path: Path, *, folder: Path | None = None) -> str:
    """The text of such a file."""
    try:
        return read_content(path, folder=folder).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportRefused(f"{path}: it is not UTF-8 text") from error


def read_json(path: Path, *, folder: Path | None = None) -> list[Any]:
    """The value of a JSON file, or those of the lines of a JSON Lines file."""
    text = read_text(path, folder=folder)
    if path.suffix != ".jsonl":
        return [_parsed(path, text, "")]
    lines = enumerate(text.split("\n"), 1)
    return [_parsed(path, line, f", line {number}") for number, line in lines if line.strip()]


def _parsed(path: Path, text: str, place: str) -> Any:
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ImportRefused(f"{path}{place}: it is nested too deeply") from error
    except ValueError as error:
        raise ImportRefused(f"{path}{place}: it is not JSON ({error})") from error
    if _values_of(value) > MOST_VALUES:
        raise ImportRefused(f"{path}{place}: it has more than {MOST_VALUES:,} values")
    return value


def _values_of(value: Any) -> int:
    count, waiting = 0, [value]
    while waiting and count <= MOST_VALUES:
        item = waiting.pop()
        count += 1
        waiting += item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
    return count


def read_yaml(path: Path, *, folder: Path | None = None) -> list[Any]:
    """The documents of a YAML file."""
    try:
        return [document.value for document in parse(read_text(path, folder=folder), str(path))]
    except ConfigError as error:
        raise ImportRefused(str(error).split("\n", 1)[0]) from error


def read_values(path: Path, *, folder: Path | None = None) -> list[Any]:
    """The values of a JSON, JSON Lines or YAML file."""
    return (read_yaml if path.suffix in (".yaml", ".yml") else read_json)(path, folder=folder)


def read_table(path: Path, *, folder: Path | None = None) -> list[dict[str, Any]]:
    """The rows of a CSV, JSON, JSON Lines or Parquet file."""
    try:
        if path.suffix == PARQUET:
            text = parquet_as_lines(read_content(path, folder=folder), MOST_ROWS)
        else:
            text = read_text(path, folder=folder)
    except FileRefused as error:
        raise ImportRefused(f"{path}: it {error.wrong}") from error
    rows, errors = read_rows(path, text)
    if errors:
        raise ImportRefused(str(errors[0]))
    return [row.columns for row in rows]


def mapping(value: Any) -> Mapping[str, Any]:
    """The value, or an empty mapping for anything else."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    """The value as a list: ``None`` is empty, and a single value is its only item."""
    return [] if value is None else value if isinstance(value, list) else [value]


def is_share(value: Any) -> bool:
    """Whether the value is a number from 0 to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
