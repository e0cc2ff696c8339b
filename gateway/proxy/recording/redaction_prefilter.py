"""The cheap look before a redaction: whether a text, or a whole JSON body, holds anything that calls for one.

It is one pass of RE2, whose time grows with the length of the text alone, whatever is in it.
"""

from __future__ import annotations

import re2

_MARKS = (
    b"@",
    rb"(?:[srfp]k|ft)-",
    rb"gh[pousr]_|github_pat_|hf_",
    rb"xox|AKIA|ASIA|AIza|eyJ|PRIVATE KEY",
    rb"(?i:bearer)",
    rb":[0-9A-Fa-f.]*:",
    rb"(?:^|[^A-Za-z0-9]|\\[bfnrt])[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11}",
)
"""What texts of each kind hold."""

_HIDING = rb"\\[u/]"
"""Escapes that may stand for a character of what is looked for; the others stand for none."""

_DIGITS = rb"\p{Nd}[\p{Nd} ().\-/]{5,30}\p{Nd}"
_FIELD = rb'[A-Za-z_]": ?-?'
"""A letter stands before ``":`` only where a name ends, since quotes in texts are escaped."""

_LONG_NUMBER = 13
"""Digits of the shortest whole number of a field that is looked at like a text."""

_TEXT = re2.compile(b"|".join([*_MARKS, _DIGITS]))
_JSON = re2.compile(b"|".join([*_MARKS, _HIDING, _FIELD + b"(" + _DIGITS + b")", _DIGITS]))
_PASSED_OVER = 64
"""Short numbers of fields after which a body is taken for one that may: looking on would take longer."""


def suspect(text: str) -> bool:
    """Whether a text may hold something to be redacted."""
    return _TEXT.search(text.encode("utf-8", "replace")) is not None


def suspect_json(body: bytes) -> bool:
    """Whether any text or long number in JSON may, also where an escape could hide it; looks at it as it came.

    Quotes and backslashes in texts are escaped, and but for the escapes that hide something a text stands as it is.
    """
    at = 0
    for _ in range(_PASSED_OVER):
        found = _JSON.search(body, at)
        if found is None:
            return False
        number = found.group(1)
        if number is None or (len(number) >= _LONG_NUMBER and b"." not in number):
            return True
        at = found.end()
    return True
