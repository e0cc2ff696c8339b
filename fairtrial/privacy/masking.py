"""Replaces personal and secret text by its kind, such as ``[email]``."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fairtrial.privacy.search import PersonalText, find_personal_text

SHORTEST_NUMBER = 10**6
"""No number below it is masked."""
LEAST_DIGITS = 6
"""Digits of a find that is also masked where the value repeats it without its cue."""
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Masking:
    """Which finds are masked: those that ``accepts`` accepts, given the bytes of its text with the field's name.

    Fields whose names ``leaves`` matches stay as they are. ``repeats``: a long number that is found at one place is
    masked at every place, because an answer often repeats an id without its cue. Otherwise, a value that would keep the
    text of a find at another place, in whatever spelling, stays as it is.
    """

    accepts: Callable[[bytes, PersonalText], bool] = lambda _, __: True
    leaves: re.Pattern[str] = re.compile(r"(?!)")
    repeats: bool = True


EVERYTHING = Masking()


def mask(value: Any, finds: Counter[str], name: str = "", masking: Masking = EVERYTHING) -> Any:
    """The value with masked texts; names of fields stay. Each find is counted in ``finds`` by its kind.

    ``name``: that of the value's field, which may be the cue for an id. A number that is masked becomes a text.
    """
    search = _Search(finds, masking, {})
    masked = _mask(value, name, search)
    if masking.repeats:
        long = {text: kind for text, kind in search.kinds.items() if sum(map(str.isdigit, text)) >= LEAST_DIGITS}
        return _mask_repeated(masked, long, search) if long else masked
    left = _NO_WORD.sub("", json.dumps(masked, ensure_ascii=False)) if search.kinds else ""
    if any(_NO_WORD.sub("", text) in left for text in search.kinds):
        finds.clear()
        return value
    return masked


@dataclass(frozen=True, slots=True)
class _Search:
    """What was found in one value: how many of each kind, and the kind of each text."""

    finds: Counter[str]
    masking: Masking
    kinds: dict[str, str]


def _mask(value: Any, name: str, search: _Search) -> Any:
    if isinstance(value, str):
        return _mask_text(value, name, search)
    if isinstance(value, Mapping):
        left = search.masking.leaves.search
        return {key: item if left(str(key)) else _mask(item, str(key), search) for key, item in value.items()}
    if isinstance(value, int) and value >= SHORTEST_NUMBER:
        masked = _mask_text(str(value), name, search)
        return value if masked == str(value) else masked
    return [_mask(item, name, search) for item in value] if isinstance(value, list) else value


def _mask_repeated(value: Any, repeated: Mapping[str, str], search: _Search) -> Any:
    if isinstance(value, str):
        for text, kind in repeated.items():
            if text in value:
                value, count = re.subn(rf"(?<!\w){re.escape(text)}(?!\w)", f"[{kind}]", value)
                search.finds[kind] += count
        return value
    if isinstance(value, Mapping):
        left = search.masking.leaves.search
        return {k: item if left(str(k)) else _mask_repeated(item, repeated, search) for k, item in value.items()}
    return [_mask_repeated(item, repeated, search) for item in value] if isinstance(value, list) else value


def _mask_text(text: str, name: str, search: _Search) -> str:
    """The text without any find; each is counted by its kind.

    It is searched again after a replacement, because a find may begin right behind another one.
    """
    while texts := _in_field(name, text, search.masking):
        raw = text.encode("utf-8", "replace")
        parts: list[bytes] = []
        at = 0
        for find in texts:
            search.finds[find.kind] += 1
            search.kinds[raw[find.start : find.end].decode(errors="replace")] = find.kind
            parts += raw[at : find.start], b"[%b]" % find.kind.encode()
            at = find.end
        text = b"".join([*parts, raw[at:]]).decode()
    return text


def _in_field(name: str, text: str, masking: Masking) -> list[PersonalText]:
    """All finds in the text of a field, whose name may be the cue for an id or a password."""
    label = f"{name}: " if name else ""
    begin = len(label.encode("utf-8", "replace"))
    finds = find_personal_text(label + text)
    raw = (label + text).encode("utf-8", "replace") if finds else b""
    accepted = [find for find in finds if find.start >= begin and masking.accepts(raw, find)]
    return [PersonalText(find.kind, find.start - begin, find.end - begin) for find in accepted]
