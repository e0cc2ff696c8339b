"""Replaces personal and secret text by its kind, such as ``[email]``, in every text of a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from fairtrial.privacy.search import find_personal_text


def mask(value: Any, kinds: Counter[str]) -> Any:
    """The value with masked texts; names of fields stay. ``kinds`` counts the finds."""
    if isinstance(value, str):
        return _mask_text(value, kinds)
    if isinstance(value, Mapping):
        return {name: mask(one, kinds) for name, one in value.items()}
    return [mask(one, kinds) for one in value] if isinstance(value, list) else value


def _mask_text(text: str, kinds: Counter[str]) -> str:
    found = find_personal_text(text)
    if not found:
        return text
    raw = text.encode("utf-8", "replace")
    parts, at = [], 0
    for one in found:
        parts += [raw[at : one.start], f"[{one.kind}]".encode()]
        kinds[one.kind] += 1
        at = one.end
    return b"".join([*parts, raw[at:]]).decode("utf-8", "replace")
