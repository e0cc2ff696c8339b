"""Checks cheaply whether a text, or a whole JSON body, may hold anything that must be redacted.

It is one pass of RE2, whose time grows only with the length of the text, whatever the text holds.
"""

from __future__ import annotations

import msgspec
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
"""Escapes that may stand for a character of such a text; the other escapes can't."""

_DIGITS = rb"\p{Nd}[\p{Nd} ().\-/]{5,30}\p{Nd}"
_FIELD = rb'[A-Za-z_]": ?-?'
"""The end of a field's name: only there does a letter stand before ``":``, because texts escape their quotes."""

_LONG_NUMBER = 13
"""Digits of the shortest whole number in a field that is treated like a text."""

_TEXT = re2.compile(b"|".join([*_MARKS, _DIGITS]))
_JSON = re2.compile(b"|".join([*_MARKS, _HIDING, _FIELD + b"(" + _DIGITS + b")", _DIGITS]))
_MOST_SHORT_NUMBERS = 64
"""After this many short numbers in fields a body counts as suspicious, because a longer search would cost more."""

_SYNTAX = msgspec.json.Decoder(msgspec.Raw)
"""Checks that bytes are JSON, without decoding any value."""


def may_contain_pii(text: str) -> bool:
    """Whether a text may hold something that must be redacted."""
    return _TEXT.search(text.encode("utf-8", "replace")) is not None


def json_may_contain_pii(body: bytes) -> bool:
    """Whether any text or long number in JSON may hold something that must be redacted, even behind an escape.

    The JSON is searched undecoded. That suffices, because a text stands there as it is, except for its escapes.
    """
    at = 0
    for _ in range(_MOST_SHORT_NUMBERS):
        found = _JSON.search(body, at)
        if found is None:
            return False
        number = found.group(1)
        if number is None or (len(number) >= _LONG_NUMBER and b"." not in number):
            return True
        at = found.end()
    return True


def as_it_came(body: bytes) -> str:
    """The text of JSON that needs no redaction; raises `msgspec.DecodeError` if it is not JSON."""
    _SYNTAX.decode(body)
    return body.decode()
