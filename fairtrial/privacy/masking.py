"""Replaces personal and secret text by its kind, such as ``[email]``, in every text of a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from fairtrial.privacy.search import PersonalText, find_personal_text

SHORTEST_NUMBER = 10**6
"""No number below it is masked."""


def mask(value: Any, finds: Counter[str], name: str = "") -> Any:
    """The value with masked texts; names of fields stay. Each find is counted in ``finds`` by its kind.

    ``name``: that of the value's field, which may be the cue for an id. A number that is masked becomes a text.
    """
    if isinstance(value, str):
        return _mask_text(value, finds, name)
    if isinstance(value, Mapping):
        return {key: mask(item, finds, str(key)) for key, item in value.items()}
    if isinstance(value, int) and value >= SHORTEST_NUMBER:
        masked = _mask_text(str(value), finds, name)
        return value if masked == str(value) else masked
    return [mask(item, finds, name) for item in value] if isinstance(value, list) else value


def _mask_text(text: str, finds: Counter[str], name: str) -> str:
    """The text without any find; each is counted in ``finds`` by its kind.

    It is searched again after a replacement, because a find may begin right behind another one.
    """
    while found := _in_field(name, text):
        raw = text.encode("utf-8", "replace")
        parts: list[bytes] = []
        at = 0
        for one in found:
            finds[one.kind] += 1
            parts += raw[at : one.start], b"[%b]" % one.kind.encode()
            at = one.end
        text = b"".join([*parts, raw[at:]]).decode()
    return text


def _in_field(name: str, text: str) -> list[PersonalText]:
    """All finds in the text of a field, whose name may be the cue for an id or a password."""
    if not name:
        return find_personal_text(text)
    label = f"{name}: "
    begin = len(label.encode("utf-8", "replace"))
    finds = find_personal_text(label + text)
    return [PersonalText(one.kind, one.start - begin, one.end - begin) for one in finds if one.start >= begin]
