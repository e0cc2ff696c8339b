"""Personal and secret text taken out of what is recorded; a cheap look first, since most text has none."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from gateway.proxy import slow_json
from gateway.proxy.redaction_patterns import PATTERNS

_DIGITS = re.compile(r"\d[\d ().\-/]{5,30}\d")
_COLONS = re.compile(r":[0-9A-Fa-f.]*:")
_MARKS = (
    "@",
    "k-",
    "ft-",
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "xox",
    "AIza",
    "hf_",
    "eyJ",
    "PRIVATE KEY",
)
"""What texts of each kind hold; `str` finds these many times faster than an alternation does."""

_SHORTEST = 3
_LONG_NUMBER = 10**12
_ANY = msgspec.json.Decoder(Any)


def redact_text(text: str) -> str:
    """The text with addresses of e-mail, phones, cards, IBANs, IP addresses, keys and tokens replaced by ``[kind]``."""
    if len(text) < _SHORTEST or not _suspect(text):
        return text
    for pattern in PATTERNS:
        text = pattern.redact(text)
    return text


def _suspect(text: str) -> bool:
    for mark in _MARKS:
        if mark in text:
            return True
    if _DIGITS.search(text) is not None or "bearer" in text.lower():
        return True
    return ":" in text and _COLONS.search(text) is not None


def redact_json(body: bytes) -> str:
    """JSON with every text in it redacted, names included; raises on what can't be decoded, and is then not recorded.

    Texts are looked at decoded, so an escape such as ``\\u0040`` hides nothing.
    """
    try:
        return msgspec.json.encode(redact_value(_ANY.decode(body))).decode()
    except msgspec.DecodeError:
        return json.dumps(redact_value(slow_json.decode(body)))


def redact_value(value: Any) -> Any:
    """A decoded JSON value, redacted throughout; also texts that hold JSON themselves, as tool arguments do."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {redact_text(name): redact_value(part) for name, part in value.items()}
    if isinstance(value, list):
        return [redact_value(part) for part in value]
    if isinstance(value, int) and not isinstance(value, bool) and value >= _LONG_NUMBER:
        text = redact_text(str(value))
        return value if text == str(value) else text
    return value
