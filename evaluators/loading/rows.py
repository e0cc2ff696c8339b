"""Reads the rows of a suite from JSON Lines, JSON or CSV, each with its line number."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from fairtrial.domain.errors import Diagnostic

MOST_ROWS = 50_000
MOST_ROW_BYTES = 32 << 20
DEEPEST = 100
FORMATS = (".jsonl", ".json", ".csv")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its file, line and columns."""

    file: str
    line: int
    columns: dict[str, Any]

    def diagnostic(self, wrong: str, known: str = "") -> Diagnostic:
        """An error of this row."""
        return Diagnostic(self.file, self.line, "", wrong, known)


def read_rows(path: Path, text: str) -> tuple[list[Row], list[Diagnostic]]:
    """All rows in the text of one file, and all its errors."""
    if path.suffix not in FORMATS:
        return [], [
            Diagnostic(
                str(path), 1, "", f"{path.suffix!r} is not a supported format of rows", "known: jsonl, json, csv"
            )
        ]
    reader = {".jsonl": _lines, ".json": _list, ".csv": _csv}[path.suffix]
    rows: list[Row] = []
    errors: list[Diagnostic] = []
    for found in islice(reader(text, str(path)), MOST_ROWS + 1):
        (rows if isinstance(found, Row) else errors).append(found)  # type: ignore[arg-type]
    if not rows and not errors:
        errors.append(Diagnostic(str(path), 1, "", "the file has no rows"))
    return rows, errors


def _lines(text: str, file: str) -> Iterator[Row | Diagnostic]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            yield Diagnostic(file, number, "", f"the line is not JSON: {error}")
            continue
        yield _row(file, number, value)


def _list(text: str, file: str) -> Iterator[Row | Diagnostic]:
    try:
        values = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        yield Diagnostic(file, getattr(error, "lineno", 1), "", f"the file is not JSON: {getattr(error, 'msg', error)}")
        return
    if not isinstance(values, list):
        yield Diagnostic(file, 1, "", "the file must be a JSON list of objects")
        return
    at = counted = text.index("[") + 1
    line = text.count("\n", 0, at) + 1
    for value in values:
        while text[at] in " \t\r\n,":
            at += 1
        line += text.count("\n", counted, at)
        counted = at
        yield _row(file, line, value)
        at = json.JSONDecoder().raw_decode(text, at)[1]


def _csv(text: str, file: str) -> Iterator[Row | Diagnostic]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    line = 0
    try:
        if reader.fieldnames is not None:
            line = reader.line_num
        for columns in reader:
            line, start = reader.line_num, line + 1
            if None in columns:
                yield Diagnostic(file, start, "", "the line has more cells than the header has names")
                continue
            yield Row(file, start, {str(name): value for name, value in columns.items() if value not in (None, "")})
    except csv.Error as error:
        yield Diagnostic(file, line + 1, "", f"the row that starts here is not CSV: {error}")


def _row(file: str, line: int, value: Any) -> Row | Diagnostic:
    if not isinstance(value, dict):
        return Diagnostic(file, line, "", "a row must be a JSON object")
    if _too_deep(value):
        return Diagnostic(file, line, "", "the row is nested too deeply")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return Diagnostic(
            file, line, "", "the row has a lone surrogate (half of a character), which UTF-8 cannot encode"
        )
    return Row(file, line, value)


def _too_deep(row: dict[str, Any]) -> bool:
    level: list[Any] = [row]
    for _ in range(DEEPEST):
        inside = [value for value in level if isinstance(value, dict | list)]
        if not inside:
            return False
        level = [item for one in inside for item in (one.values() if isinstance(one, dict) else one)]
    return True


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
