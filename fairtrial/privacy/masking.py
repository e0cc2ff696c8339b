"""Replaces personal and secret text by its kind, such as ``[email]``, in every text of a value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from fairtrial.privacy.search import PersonalText, find_personal_text

SHORTEST_NUMBER = 10**6
"""No number below it is masked."""
LEAST_DIGITS = 6
"""Digits of a find that is also masked where the value repeats it without its cue."""


def mask(value: Any, finds: Counter[str], name: str = "") -> Any:
    """The value with masked texts; names of fields stay. Each find is counted in ``finds`` by its kind.

    ``name``: that of the value's field, which may be the cue for an id. A number that is masked becomes a text. A long
    number that is found at one place is masked at every place, because an answer often repeats an id without its cue.
    """
    found: dict[str, str] = {}
    masked = _mask(value, finds, name, found)
    repeated = {text: kind for text, kind in found.items() if sum(map(str.isdigit, text)) >= LEAST_DIGITS}
    return _mask_repeated(masked, finds, repeated) if repeated else masked


def _mask(value: Any, finds: Counter[str], name: str, found: dict[str, str]) -> Any:
    if isinstance(value, str):
        return _mask_text(value, finds, name, found)
    if isinstance(value, Mapping):
        return {key: _mask(item, finds, str(key), found) for key, item in value.items()}
    if isinstance(value, int) and value >= SHORTEST_NUMBER:
        masked = _mask_text(str(value), finds, name, found)
        return value if masked == str(value) else masked
    return [_mask(item, finds, name, found) for item in value] if isinstance(value, list) else value


def _mask_repeated(value: Any, finds: Counter[str], repeated: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for text, kind in repeated.items():
            if text in value:
                value, count = re.subn(rf"(?<!\w){re.escape(text)}(?!\w)", f"[{kind}]", value)
                finds[kind] += count
        return value
    if isinstance(value, Mapping):
        return {key: _mask_repeated(item, finds, repeated) for key, item in value.items()}
    return [_mask_repeated(item, finds, repeated) for item in value] if isinstance(value, list) else value


def _mask_text(text: str, finds: Counter[str], name: str, masked: dict[str, str]) -> str:
    """The text without any find; each is counted in ``finds`` by its kind, and ``masked`` has its text.

    It is searched again after a replacement, because a find may begin right behind another one.
    """
    while found := _in_field(name, text):
        raw = text.encode("utf-8", "replace")
        parts: list[bytes] = []
        at = 0
        for one in found:
            finds[one.kind] += 1
            masked[raw[one.start : one.end].decode(errors="replace")] = one.kind
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
