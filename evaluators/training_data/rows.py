"""Reads the rows of a training file from JSON Lines, JSON, CSV or Parquet."""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fairtrial.domain.limits.canonical_json import refuse_constant
from fairtrial.domain.limits.json_limits import is_dense
from fairtrial.domain.limits.nesting import DEEPEST, is_deep
from fairtrial.named_files import PARQUET, parquet_as_lines
from fairtrial.safe_files import FileRefused

DELIMITERS = ",;\t|"
LONGEST_CELL = 32 << 20
DENSE = "it has too many lists, objects or numbers for its size"
_NAMED_DELIMITER = re.compile(r"sep=(.)\r?\n")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """One row, with its line, or its position in a JSON list, from 1."""

    line: int
    columns: dict[str, Any]


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A line without a row, and the reason."""

    line: int
    wrong: str


Rows = Iterator[NumberedRow | UnreadableRow]


def as_utf8(content: bytes) -> bytes:
    """The content without a byte-order mark. UTF-16 with such a mark becomes UTF-8, because spreadsheets export it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16").encode()
        except UnicodeError:
            return content
    return content.removeprefix(codecs.BOM_UTF8)


_DECODER = json.JSONDecoder(parse_constant=refuse_constant)
"""Made once, because `json.loads` makes one for each text that it reads with an option."""


def json_lines(content: bytes) -> Rows:
    """One JSON object a line; empty lines are skipped."""
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        if is_dense(line):
            yield UnreadableRow(number, DENSE)
            continue
        try:
            value = _DECODER.decode(line.decode())
        except UnicodeDecodeError:
            yield UnreadableRow(number, "the line is not UTF-8")
        except (ValueError, RecursionError) as error:
            yield UnreadableRow(number, f"the line is not JSON: {error}")
        else:
            nested = line.count(b"{") + line.count(b"[") > DEEPEST
            yield _row(number, value, escaped=rb"\ud" in line.lower(), nested=nested)


def json_list(content: bytes) -> Rows:
    """A JSON list of objects."""
    if is_dense(content):
        yield UnreadableRow(1, DENSE)
        return
    try:
        value = json.loads(content.decode(), parse_constant=refuse_constant)
    except UnicodeDecodeError:
        yield UnreadableRow(1, "the file is not UTF-8")
        return
    except (ValueError, RecursionError) as error:
        yield UnreadableRow(getattr(error, "lineno", 1), f"the file is not JSON: {getattr(error, 'msg', error)}")
        return
    if not isinstance(value, list):
        yield UnreadableRow(1, "the file is not a JSON list of objects; a file with one object a line is named .jsonl")
        return
    escaped = rb"\ud" in content.lower()
    yield from (_row(number, item, escaped=escaped) for number, item in enumerate(value, 1))


def csv_rows(content: bytes) -> Rows:
    """CSV with a header. The delimiter is a comma, semicolon, tab or bar, whichever the header has most of.

    A first line such as ``sep=;``, which Excel writes and reads, names the delimiter.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        yield UnreadableRow(line, "the file is not UTF-8; export it as 'CSV UTF-8'")
        return
    named = _NAMED_DELIMITER.match(text)
    before = 1 if named else 0
    text = text[named.end() :] if named else text
    delimiter = named[1] if named else max(DELIMITERS, key=text.split("\n", 1)[0].count)
    csv.field_size_limit(LONGEST_CELL)
    yield from _table(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), before)


def _table(reader: "csv.DictReader[str]", before: int) -> Rows:
    """The rows below a header, with their lines in a file that has ``before`` other lines above."""
    line = before
    try:
        names = Counter(name.strip() for name in reader.fieldnames or () if name.strip())
        repeated = [name for name, count in names.items() if count > 1]
        if repeated:
            yield UnreadableRow(line + 1, f"the header has the column {repeated[0]!r} {names[repeated[0]]} times")
            return
        line = before + reader.line_num
        for columns in reader:
            line, start = before + reader.line_num, line + 1
            if None in columns:
                yield UnreadableRow(start, "the line has more cells than the header has names")
                continue
            stripped = {str(name).strip(): value for name, value in columns.items()}
            yield NumberedRow(start, {name: value for name, value in stripped.items() if value is not None})
    except csv.Error as error:
        unclosed = "unexpected end of data" in str(error)
        wrong = "a quotation mark that opens in this row is never closed" if unclosed else str(error)
        yield UnreadableRow(line + 1, f"the row is not CSV: {wrong}")


def parquet_rows(content: bytes) -> Rows:
    """The rows of a Parquet file, numbered from 1."""
    try:
        lines = parquet_as_lines(content)
    except FileRefused as error:
        yield UnreadableRow(1, f"the file {error.wrong}")
        return
    yield from json_lines(lines.encode())


READERS: dict[str, Callable[[bytes], Rows]] = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_list,
    ".csv": csv_rows,
    ".tsv": csv_rows,
    PARQUET: parquet_rows,
}
"""By the end of the file's name."""


def _row(line: int, value: Any, *, escaped: bool, nested: bool = True) -> NumberedRow | UnreadableRow:
    if not isinstance(value, dict):
        return UnreadableRow(line, "the row is not a JSON object")
    if nested and is_deep(value):
        return UnreadableRow(line, f"the row has more than {DEEPEST} levels")
    if escaped and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        return UnreadableRow(line, "the row has a lone surrogate (half of a character), which UTF-8 cannot encode")
    return NumberedRow(line, value)
