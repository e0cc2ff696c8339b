"""The cheap look before a redaction: whether a text, or a whole JSON body, holds anything that calls for one."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"\d[\d ().\-/]{5,30}\d")
_COLONS = re.compile(r":[0-9A-Fa-f.]*:")
_MARKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("@", re.compile("@")),
    ("-", re.compile("-(?:(?<=k-)|(?<=ft-))")),
    ("_", re.compile("_(?:(?<=gh[pousr]_)|(?<=github_pat_)|(?<=hf_))")),
    ("x", re.compile("x(?=ox)")),
    ("A", re.compile("A(?:KIA|SIA|Iza)")),
    ("J", re.compile("J(?<=eyJ)")),
    ("K", re.compile("K(?<=PRIVATE K)(?=EY)")),
)
"""What texts of each kind hold, by their rarest character: each pattern begins with it, so that it's found at once."""

_ZEROS = bytes(0x30 if 0x30 <= code <= 0x39 else code for code in range(256))
_ZERO_RUN = re.compile(rb"0[0 ().\-/]{5,30}0")
"""`_DIGITS` for ASCII whose digits were all made zeros: a pattern that begins with one character is far faster."""

_FIELD = re.compile(rb'[A-Za-z_]":-?\Z')
_LONG_NUMBER = 13
"""Digits of the shortest whole number that is looked at like a text."""


def suspect(text: str) -> bool:
    """Whether a text may hold something to be redacted."""
    return _marked(text) or _DIGITS.search(text) is not None or _has_colons(text)


def suspect_json(text: str, encoded: bytes) -> bool:
    """Whether any text or long number in a JSON value may; ``text`` and ``encoded`` are the same, without any spaces.

    It must have been encoded by us: then characters below U+0020, quotes and backslashes are escaped, and no others,
    so that whatever a text holds stands here as it is.
    """
    if _marked(text) or _has_colons(text):
        return True
    if not text.isascii():
        return _DIGITS.search(text) is not None
    return any(not _is_number(encoded, *run.span()) for run in _ZERO_RUN.finditer(encoded.translate(_ZEROS)))


def _is_number(encoded: bytes, start: int, end: int) -> bool:
    """Whether these digits are the value of a field: a letter stands before ``":`` only where a name ends."""
    short = end - start < _LONG_NUMBER or b"." in encoded[start:end]
    return short and _FIELD.search(encoded[max(0, start - 4) : start]) is not None


def _has_colons(text: str) -> bool:
    return ":" in text and _COLONS.search(text) is not None


def _marked(text: str) -> bool:
    for character, pattern in _MARKS:
        if character in text and pattern.search(text) is not None:
            return True
    return "bearer" in text.lower()
