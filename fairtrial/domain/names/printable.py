"""Escapes control characters in names, so that they cannot affect a terminal or a log."""

from __future__ import annotations

import re

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line and paragraph separators, and surrogates."""


def printable(text: str) -> str:
    """The text with each control character as an escape, for terminals and logs."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def control_character(text: str) -> str | None:
    """The first control character of a name, such as ``U+0007``, or ``None``."""
    found = _CONTROL.search(text)
    return None if found is None else f"U+{ord(found[0]):04X}"
