"""Builds the HTML of the export. All text is escaped here, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Control characters, and those that are invisible or change the order of other text."""
LONG_WORD = 26
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def text(value: object) -> str:
    """Untrusted text, escaped; characters that could deceive a reader become visible."""
    return escape(UNSEEN.sub(REPLACEMENT, str(value)))


def element(tag: str, *inside: str, kind: str = "") -> str:
    """An element of HTML; ``kind`` is its class."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<{tag}{attribute}>{''.join(inside)}</{tag}>"


def paragraph(words: object, *, kind: str = "") -> str:
    """A paragraph of untrusted text."""
    return element("p", text(words), kind=kind)


def section(title: str, *inside: str) -> str:
    """A section with its heading; empty if nothing is inside."""
    return element("section", element("h2", text(title)), *inside) if any(inside) else ""


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, kind: str = "") -> str:
    """A table of untrusted text; empty without rows."""
    lines = [element("tr", *(element("td", text(cell), kind=_kind(cell)) for cell in row)) for row in rows]
    if not lines:
        return ""
    head = element("thead", element("tr", *(element("th", text(name)) for name in headers)))
    return element("table", head, element("tbody", *lines), kind=kind)


def _kind(cell: object) -> str:
    """Cells with long words, such as digests, may break inside a word."""
    longest = max(map(len, str(cell).split()), default=0)
    return "long" if longest > LONG_WORD else ""


def terms(pairs: Iterable[tuple[str, object]]) -> str:
    """Names with values, as a list of descriptions; values that are empty are left out."""
    return element("dl", *(element("dt", text(name)) + element("dd", text(value)) for name, value in pairs if value))


def moment(us: int) -> str:
    """A time in microseconds since 1970, UTC, with seconds."""
    return f"{datetime.fromtimestamp(us / 1e6, UTC):%Y-%m-%d %H:%M:%S} UTC"
