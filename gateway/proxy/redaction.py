"""Personal and secret text taken out of what is recorded; a cheap look first, since most text has none."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from gateway.proxy import slow_json
from gateway.proxy.redaction_patterns import PATTERNS
from gateway.proxy.suspicion import suspect, suspect_json

_SHORTEST = 3
_LONG_NUMBER = 10**12
_ANY = msgspec.json.Decoder(Any)
_JSON = msgspec.json.Decoder(msgspec.Raw)
"""Takes nothing apart: whether it is JSON at all."""

_ENCODER = msgspec.json.Encoder()


def redact_text(text: str) -> str:
    """The text with addresses of e-mail, phones, cards, IBANs, IP addresses, keys and tokens replaced by ``[kind]``."""
    if len(text) < _SHORTEST or not suspect(text):
        return text
    for pattern in PATTERNS:
        text = pattern.redact(text)
    return text


def redact_json(body: bytes) -> str:
    """JSON with every text in it redacted, names included; raises on what can't be decoded, and is then not recorded.

    Texts are looked at decoded, so an escape such as ``\\u0040`` hides nothing. What needs nothing stays as it came.
    """
    if not suspect_json(body):
        _JSON.decode(body)
        return body.decode()
    try:
        return _ENCODER.encode(redact_value(_ANY.decode(body))).decode()
    except msgspec.DecodeError:
        return json.dumps(redact_value(slow_json.decode(body)))


def redact_both(one: bytes, other: bytes) -> tuple[str, str]:
    """`redact_json` of two bodies, with one look at both; a newline parts them, which no text in JSON holds."""
    if suspect_json(one + b"\n" + other):
        return redact_json(one), redact_json(other)
    _JSON.decode(one)
    _JSON.decode(other)
    return one.decode(), other.decode()


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
