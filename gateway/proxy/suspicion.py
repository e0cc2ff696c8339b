"""The cheap look before a redaction: whether a text, or a whole JSON body, holds anything that calls for one.

It is one pass of RE2, whose time grows with the length of the text alone, whatever is in it.
"""

from __future__ import annotations

import re

import re2

_MARKS = (
    b"@",
    rb"(?:[srfp]k|ft)-",
    rb"gh[pousr]_|github_pat_|hf_",
    rb"xox|AKIA|ASIA|AIza|eyJ|PRIVATE KEY",
    rb"(?i:bearer)",
    rb":[0-9A-Fa-f.]*:",
    rb"(?:^|[^A-Za-z0-9]|\\[bfnrt])[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11}",
)
"""What texts of each kind hold."""

_HIDING = rb"\\[u/]"
"""Escapes that may stand for a character of what is looked for; the others stand for none."""

_DIGITS = rb"\d[\d ().\-/]{5,30}\d"
_FIELD = rb'[A-Za-z_]": ?-?'
"""A letter stands before ``":`` only where a name ends, since quotes in texts are escaped."""

_LONG_NUMBER = 13
"""Digits of the shortest whole number of a field that is looked at like a text."""

_TEXT = re2.compile(b"|".join([*_MARKS, _DIGITS]))
_JSON = re2.compile(b"|".join([*_MARKS, _HIDING, _FIELD + b"(" + _DIGITS + b")", _DIGITS]))
_ANY_DIGITS = re.compile(_DIGITS.decode())
_OTHER_DIGIT = re.compile(r"[^\D0-9]")
"""Of other scripts, which RE2 does not find in bytes."""


def suspect(text: str) -> bool:
    """Whether a text may hold something to be redacted."""
    found = _TEXT.search(text.encode("utf-8", "replace")) is not None
    return found or _has_other_digits(text)


def suspect_json(body: bytes) -> bool:
    """Whether any text or long number in JSON may, also where an escape could hide it; looks at it as it came.

    Quotes and backslashes in texts are escaped, and but for the escapes that hide something a text stands as it is.
    """
    at, found = 0, _JSON.search(body)
    while found is not None:
        number = found.group(1)
        if number is None or (len(number) >= _LONG_NUMBER and b"." not in number):
            return True
        at = found.end()
        found = _JSON.search(body, at)
    return not body.isascii() and _has_other_digits(body.decode("utf-8", "replace"))


def _has_other_digits(text: str) -> bool:
    return not text.isascii() and _OTHER_DIGIT.search(text) is not None and _ANY_DIGITS.search(text) is not None
