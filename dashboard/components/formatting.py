"""Formats values for people, escapes text for Markdown, and writes tables as JSON and CSV without formulas."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import floor, log10
from typing import Any, SupportsFloat

from fairtrial.domain.answers.chat import reference_of

DASH = "–"
MINUS = "−"
JOINER = "\u2060"
_AUTOLINKED = re.compile(r"(https?(?=:)|www(?=\.)|@|-(?=[->])|<(?=[-=])|[>~](?==))", re.IGNORECASE)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&@^=\"'/])")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Spreadsheets evaluate cells that start with these characters, even in untrusted text."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
UNNAMED = re.compile(r"[^A-Za-z0-9._-]+")
BYTE_ORDER_MARK = "\ufeff"
"""Without it, Excel does not read the file as UTF-8."""

Row = Mapping[str, Any]


def share(part: float | None, whole: float | None = 1.0) -> str:
    """``12.5 %``, or a dash if there is nothing to divide by."""
    return DASH if part is None or not whole else f"{100 * part / whole:.1f} %"


def milliseconds(value: float | None) -> str:
    """``840 ms`` or ``2.3 s``."""
    if value is None:
        return DASH
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def dollars(value: SupportsFloat | str | None) -> str:
    """``$0.0042``, or a dash if any part of the cost is unknown."""
    if value is None:
        return DASH
    amount = float(value)
    digits = 4 if amount >= 0.01 or not amount else 1 - floor(log10(amount))
    return f"${amount:,.{digits}f}"


def count(value: float | None) -> str:
    """``12,345``."""
    return DASH if value is None else f"{value:,.0f}"


def figure(value: float | None, *, form: str = "number", scale: float = 1.0) -> str:
    """A metric's level by its form: a share in percent, milliseconds, dollars or a plain number."""
    if value is None:
        return DASH
    if form == "share":
        return share(value / scale)
    return {"ms": milliseconds, "usd": dollars}.get(form, _number)(value)


def change(value: float | None, *, form: str = "number", scale: float = 1.0) -> str:
    """A difference with its sign; for shares in points, such as ``+3.1``."""
    if value is None:
        return DASH
    sign = MINUS if value < 0 else "+"
    return sign + (f"{abs(100 * value / scale):.1f}" if form == "share" else figure(abs(value), form=form))


def moment(us: int | None) -> str:
    """Microseconds since 1970 as a date and time in UTC."""
    return DASH if us is None else _moment(datetime.fromtimestamp(us / 1e6, UTC))


def moment_of(at: datetime | str | None) -> str:
    """A time, which may be written in ISO 8601, as a date and time in UTC."""
    when = datetime.fromisoformat(at) if isinstance(at, str) else at
    return DASH if when is None else _moment(when.astimezone(UTC))


def second_of(at: datetime | str | None) -> str:
    """A time, which may be written in ISO 8601, as a date and time in UTC, to the second."""
    when = datetime.fromisoformat(at) if isinstance(at, str) else at
    return DASH if when is None else when.astimezone(UTC).strftime("%d %b %Y, %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """A duration such as ``45 s``, ``12 min``, ``3 h`` or ``2 days``."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            amount = seconds / size
            name = "day" if unit == "days" and amount == 1 else unit
            return f"{amount:.0f} {name}" if amount == round(amount) else f"{amount:.1f} {name}"
    return f"{seconds:.0f} s"


def plain(text: str) -> str:
    """Untrusted text on one line, escaped so that Markdown shows it without markup, links, images or colours.

    Streamlit also finds URLs and arrows in the rendered text, where escapes do not help. An invisible character is
    inserted to prevent that.
    """
    return " ".join(_MARKDOWN.sub(r"\\\1", _AUTOLINKED.sub(f"\\1{JOINER}", line)) for line in text.splitlines())


def readable_reference(reference: str | None) -> str:
    """An expected answer for people: the text itself if the store has it as JSON."""
    return DASH if reference is None else reference_of(reference)


def _number(value: float) -> str:
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
    return text.replace("-", MINUS)


def _moment(when: datetime) -> str:
    return when.strftime("%d %b %Y, %H:%M UTC")


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
