"""The cheap look before a redaction: whether a text, or a whole JSON body, holds anything that calls for one."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"\d[\d ().\-/]{5,30}\d")
_MARKS: tuple[tuple[bytes, re.Pattern[bytes]], ...] = (
    (b"-", re.compile(rb"-(?:(?<=k-)|(?<=ft-))")),
    (b"_", re.compile(rb"_(?:(?<=gh[pousr]_)|(?<=github_pat_)|(?<=hf_))")),
    (b"x", re.compile(rb"x(?=ox)")),
    (b"A", re.compile(rb"A(?:KIA|SIA|Iza)")),
    (b"J", re.compile(rb"J(?<=eyJ)")),
    (b"K", re.compile(rb"K(?<=PRIVATE K)(?=EY)")),
    (b":", re.compile(rb":[0-9A-Fa-f.]*:")),
)
"""What texts of each kind hold, by their rarest character: each pattern begins with it, so that it's found at once."""

_PLAIN = bytes(0x30 if 0x30 <= code <= 0x39 else code | 0x20 if 0x41 <= code <= 0x5A else code for code in range(256))
"""Every digit made a zero, and every capital small."""

_ZERO_RUN = re.compile(rb"0[0 ().\-/]{5,30}0")
"""`_DIGITS` for ASCII made plain: a pattern that begins with one character is far faster."""

_FIELD = re.compile(rb'[A-Za-z_]":[ ]?-?\Z')
_LONG_NUMBER = 13
"""Digits of the shortest whole number that is looked at like a text."""


def suspect(text: str) -> bool:
    """Whether a text may hold something to be redacted."""
    encoded = text.encode("utf-8", "replace")
    return _marked(encoded) or b"bearer" in encoded.lower() or _DIGITS.search(text) is not None


def suspect_json(body: bytes) -> bool:
    """Whether any text or long number in JSON may, also where an escape could hide it; looks at it as it came.

    Quotes and backslashes in texts are escaped, and but for the escapes that hide something a text stands as it is.
    """
    if (b"\\" in body and _hides(body)) or _marked(body):
        return True
    plain = body.translate(_PLAIN)
    if b"bearer" in plain:
        return True
    if not body.isascii():
        return _DIGITS.search(body.decode("utf-8", "replace")) is not None
    runs = [run.span() for run in _ZERO_RUN.finditer(plain)]
    return bool(runs) and any(not _is_number(body, *run) for run in runs)


def _hides(body: bytes) -> bool:
    """Whether it has an escape that may stand for a character of what is looked for; the others stand for none."""
    return b"\\u" in body or b"\\/" in body


def _is_number(body: bytes, start: int, end: int) -> bool:
    """Whether these digits are the value of a field: a letter stands before ``":`` only where a name ends."""
    short = end - start < _LONG_NUMBER or b"." in body[start:end]
    return short and _FIELD.search(body[max(0, start - 5) : start]) is not None


def _marked(text: bytes) -> bool:
    if b"@" in text:
        return True
    for character, pattern in _MARKS:  # noqa: SIM110 - a generator would cost as much as what it looks at
        if character in text and pattern.search(text) is not None:
            return True
    return False
