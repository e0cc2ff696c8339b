"""Values as people read them: shares, times, counts and moments; a dash where nothing is known."""

from __future__ import annotations

import re
from datetime import UTC, datetime

DASH = "–"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:])")


def share(part: float | None, whole: float | None = 1.0) -> str:
    """``12.5 %``, or a dash where there is nothing to divide by."""
    return DASH if part is None or not whole else f"{100 * part / whole:.1f} %"


def milliseconds(value: float | None) -> str:
    """``840 ms`` or ``2.3 s``."""
    if value is None:
        return DASH
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def dollars(value: float | None) -> str:
    """``$0.0042``; a dash where any part of the cost is unknown."""
    return DASH if value is None else f"${value:,.4f}"


def moment(us: int) -> str:
    """Microseconds since 1970 as a date and time in UTC."""
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%d %b %Y, %H:%M UTC")


def plain(text: str) -> str:
    """Text that Markdown shows as it is: no markup, links, images or colours, whoever wrote it."""
    return _MARKDOWN.sub(r"\\\1", text)
