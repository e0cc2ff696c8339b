"""Formats tables as CSV without spreadsheet formulas, and as JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Spreadsheets evaluate cells that start with these characters, even in untrusted text."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
UNNAMED = re.compile(r"[^A-Za-z0-9._-]+")
BYTE_ORDER_MARK = "\ufeff"
"""Without it, Excel does not read the file as UTF-8."""

Row = Mapping[str, Any]


def csv_text(rows: Sequence[Row]) -> str:
    """Rows as CSV with a header. Text and headers that start like a formula get a leading apostrophe."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_cell(column) for column in columns])
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return BYTE_ORDER_MARK + out.getvalue()


def json_text(rows: Sequence[Row]) -> str:
    """Rows as a JSON list. Lone surrogates, which UTF-8 cannot encode, are escaped."""
    text = json.dumps(list(rows), ensure_ascii=False, indent=1, default=str) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()


def file_name(title: str, ending: str) -> str:
    """A file name that is valid on all systems, from an untrusted title."""
    return f"{UNNAMED.sub('-', title).strip('-.')[:80] or 'table'}.{ending}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = text.encode("utf-8", "backslashreplace").decode()
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text
