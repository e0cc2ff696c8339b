"""Names that people read: none holds a character that acts on a terminal or a log instead of being seen."""

from __future__ import annotations

import re

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line and paragraph ends, and halves of surrogate pairs."""


def printable(text: str) -> str:
    """The text with each such character as an escape, for terminals and logs."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def control_character(text: str) -> str | None:
    """The first such character of a name, as in ``U+0007``."""
    found = _CONTROL.search(text)
    return None if found is None else f"U+{ord(found[0]):04X}"
