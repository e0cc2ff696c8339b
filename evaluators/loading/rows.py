"""Reads the rows of a suite from JSON Lines, JSON, CSV or Parquet, each with its line number."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from fairtrial.domain.errors import Diagnostic
from fairtrial.domain.limits.canonical_json import refuse_constant
from fairtrial.domain.limits.json_limits import file_excess
from fairtrial.domain.limits.nesting import is_deep
from fairtrial.named_files import PARQUET

MOST_ROWS = 50_000
MOST_ROW_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row: its file, line and columns."""

    file: str
    line: int
    columns: dict[str, Any]

    def diagnostic(self, wrong: str, known: str = "") -> Diagnostic:
        """An error of this row."""
        return Diagnostic(self.file, self.line, "", wrong, known)


def read_rows(path: Path, text: str) -> tuple[list[FileRow], list[Diagnostic]]:
    """All rows in the text of one file, and all its errors."""
    reader = {".jsonl": _lines, ".json": _list, ".csv": _csv, PARQUET: _lines}.get(path.suffix)
    if reader is None:
        wrong = f"{path.suffix!r} is not a supported format of rows"
        return [], [Diagnostic(str(path), 1, "", wrong, "known: jsonl, json, csv, parquet")]
    if reader is not _csv and (beyond := file_excess(text)):
        return [], [Diagnostic(str(path), 1, "", f"the rows have more than {beyond}", "split the file")]
    rows: list[FileRow] = []
    errors: list[Diagnostic] = []
    for row in islice(reader(text, str(path)), MOST_ROWS + 1):
        (rows if isinstance(row, FileRow) else errors).append(row)  # type: ignore[arg-type]
    if not rows and not errors:
        errors.append(Diagnostic(str(path), 1, "", "the file has no rows"))
    return rows, errors


def _lines(text: str, file: str) -> Iterator[FileRow | Diagnostic]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_constant=refuse_constant)
        except (ValueError, RecursionError) as error:
            yield Diagnostic(file, number, "", f"the line is not JSON: {error}")
            continue
        yield _row(file, number, value)


def _list(text: str, file: str) -> Iterator[FileRow | Diagnostic]:
    try:
        values = json.loads(text, parse_constant=refuse_constant)
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


def _csv(text: str, file: str) -> Iterator[FileRow | Diagnostic]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    line = 0
    try:
        if reader.fieldnames is not None:
            repeated = [name for name, count in Counter(reader.fieldnames).items() if name and count > 1]
            if repeated:
                raise csv.Error(f"its header has the name {repeated[0]!r} twice")
            line = reader.line_num
        for columns in reader:
            line, start = reader.line_num, line + 1
            if None in columns:
                yield Diagnostic(file, start, "", "the line has more cells than the header has names")
                continue
            yield FileRow(file, start, {str(name): value for name, value in columns.items() if value not in (None, "")})
    except csv.Error as error:
        yield Diagnostic(file, line + 1, "", f"the row that starts here is not CSV: {error}")


def _row(file: str, line: int, value: Any) -> FileRow | Diagnostic:
    if not isinstance(value, dict):
        return Diagnostic(file, line, "", "a row must be a JSON object")
    if is_deep(value):
        return Diagnostic(file, line, "", "the row is nested too deeply")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return Diagnostic(
            file, line, "", "the row has a lone surrogate (half of a character), which UTF-8 cannot encode"
        )
    return FileRow(file, line, value)


def with_our_names(row: FileRow, names: Mapping[str, str]) -> FileRow | Diagnostic:
    """The row with the columns that a suite reads; ``names`` maps a column of the file to its name in the suite."""
    try:
        columns = _renamed(row.columns, names)
        if (metadata := _metadata(columns)) is not None:
            columns["metadata"] = _renamed(metadata, names)
    except ValueError as error:
        return row.diagnostic(str(error))
    return replace(row, columns=_with_usual_names(columns))


def names_in(row: FileRow, names: Mapping[str, str]) -> set[str]:
    """The columns of a row that can be renamed, with those in the metadata of a chat row."""
    ours = {names.get(column, column): value for column, value in row.columns.items()}
    return {*row.columns, *(_metadata(ours) or {})}


def _metadata(columns: Mapping[str, Any]) -> dict[str, Any] | None:
    metadata = columns.get("metadata")
    return metadata if "messages" in columns and isinstance(metadata, dict) else None


def _renamed(columns: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for name, value in columns.items():
        ours = names.get(name, name)
        if ours in renamed:
            raise ValueError(f"by 'map' two columns of the row have the name {ours!r}")
        renamed[ours] = value
    return renamed


def _with_usual_names(columns: dict[str, Any]) -> dict[str, Any]:
    """The row of a fine-tuning file, ``{prompt, completion}``, with the columns that a suite reads."""
    if not {"prompt", "completion"} <= columns.keys() or columns.keys() & {"input", "messages"}:
        return columns
    prompt, completion = columns["prompt"], columns["completion"]
    if isinstance(prompt, list) and isinstance(completion, list):
        return {**columns, "messages": [*prompt, *completion]}
    return {"expected": completion, **columns, "input": prompt}
