"""Tables as files: CSV that no spreadsheet takes for formulas, and JSON as it is."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet evaluates a cell that begins like this, whoever wrote it."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
UNNAMED = re.compile(r"[^A-Za-z0-9._-]+")
BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads UTF-8 as an old code page."""

Row = Mapping[str, Any]


def csv_text(rows: Sequence[Row]) -> str:
    """Rows as CSV with a head; text that begins like a formula gets a leading apostrophe, heads too."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_cell(column) for column in columns])
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return BYTE_ORDER_MARK + out.getvalue()


def json_text(rows: Sequence[Row]) -> str:
    """Rows as a JSON list; lone surrogates, which no file can hold, as escapes."""
    text = json.dumps(list(rows), ensure_ascii=False, indent=1, default=str) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()


def file_name(title: str, ending: str) -> str:
    """A name that any system takes, whoever made up the title."""
    return f"{UNNAMED.sub('-', title).strip('-.')[:80] or 'table'}.{ending}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = text.encode("utf-8", "backslashreplace").decode()
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text
