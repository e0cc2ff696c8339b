"""Replaces personal and secret text by its kind, such as ``[email]``, in every text of a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from fairtrial.privacy.search import find_personal_text


def mask(value: Any, finds: Counter[str]) -> Any:
    """The value with masked texts; names of fields stay. Each find is counted in ``finds`` by its kind."""
    if isinstance(value, str):
        return _mask_text(value, finds)
    if isinstance(value, Mapping):
        return {name: mask(item, finds) for name, item in value.items()}
    return [mask(item, finds) for item in value] if isinstance(value, list) else value


def _mask_text(text: str, finds: Counter[str]) -> str:
    """The text without any find; each is counted in ``finds`` by its kind.

    It is searched again after a replacement, because a find may begin right behind another one.
    """
    while found := find_personal_text(text):
        raw = text.encode("utf-8", "replace")
        parts: list[bytes] = []
        at = 0
        for one in found:
            finds[one.kind] += 1
            parts += raw[at : one.start], b"[%b]" % one.kind.encode()
            at = one.end
        text = b"".join([*parts, raw[at:]]).decode()
    return text
