"""Writes canonical JSON, which digests cover and whose text never differs or coincides, and reads JSON objects."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from fairtrial.domain.errors import DigestRefused

SCALARS = frozenset({str, int, float, bool, type(None)})
KNOWN = "text, numbers, true, false, null, lists, and mappings with keys of text"


def sha256_of_json(value: Any, *, ascii_only: bool = True) -> str:
    """64 hex digits of SHA-256 over `canonical_json`."""
    import hashlib  # loads OpenSSL, which no help needs

    return hashlib.sha256(canonical_json(value, ascii_only=ascii_only).encode()).hexdigest()


def canonical_json(value: Any, *, ascii_only: bool = True) -> str:
    """JSON with sorted keys. ``ascii_only``: other characters are escaped. Raises `DigestRefused`."""
    refuse_unknown(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=ascii_only)


def refuse_unknown(value: Any, place: str = "") -> None:
    """Raise `DigestRefused` for a value of a type that JSON does not have, at any depth.

    A set has no order, and an enum equals its text, so one value would have two digests, or two values one. The error
    has the place and the type, not the value, which may be secret.
    """
    if type(value) in SCALARS:
        return
    if isinstance(value, (list, tuple)):
        for at, item in enumerate(value):
            if type(item) not in SCALARS:
                refuse_unknown(item, f"{place}[{at}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            name = text_key(key, place)
            if type(item) not in SCALARS:
                refuse_unknown(item, f"{place}.{name}")
    else:
        raise unknown_type(value, place)


def text_key(key: Any, place: str) -> str:
    """The key of a mapping; raises `DigestRefused` if it is not text, because 1 and "1" would be one key."""
    if type(key) is not str:
        raise unknown_type(key, f"{place}, a key")
    return key


def unknown_type(value: Any, place: str) -> DigestRefused:
    """The error for a value at a place, which begins with a dot or a bracket."""
    place = place.removeprefix(".").removeprefix(", ")
    name = repr(value) if isinstance(value, float) else type(value).__name__
    return DigestRefused(f"digest: {place or 'the value'}: {name} has no canonical JSON (known: {KNOWN})")


def json_object(text: Any) -> dict[str, Any] | None:
    """The object that this text or these bytes hold as JSON; ``None`` if they hold none, or if there is no text."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def refuse_constant(name: str) -> NoReturn:
    """Raise `ValueError` for `NaN` and infinities, which `json` reads unless this is its ``parse_constant``."""
    raise ValueError(f"{name} is not JSON")
