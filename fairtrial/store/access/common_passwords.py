"""Recognises easy patterns and the ten thousand most common leaked passwords. The LICENSE file names their source."""

from __future__ import annotations

import functools
import re
from itertools import chain, pairwise
from pathlib import Path

from fairtrial.domain.accounts import same_name

MOST_ADDED = 4
FEWEST_DIFFERENT = 5
FEWEST_FREE = 6
"""Characters that do not follow from the one before them, as `b` follows from `a`."""
SHORTEST_WORD = 3
"""A shorter word of a name is part of many other words."""
PRODUCT = "fairtrial"
ROWS = ("1234567890", "qwertyuiop", "qwertzuiop", "asdfghjkl", "yxcvbnm", "zxcvbnm")
_NEIGHBOURS = frozenset(pair for row in ROWS for way in (row, row[::-1]) for pair in pairwise(way))
_ADDED = re.compile(r"(?P<before>[\W\d_]*)(?P<core>.*?)(?P<after>[\W\d_]*)", re.DOTALL)


def is_common(password: str) -> bool:
    """Whether the password is common, ignoring case, repetitions, and up to four digits or signs at either end."""
    small = password.casefold().strip()
    candidates = _without_additions(small)
    repeated = {part for one in candidates if (part := repeated_part(one)) != one}
    return any(one in _passwords() for one in chain(candidates, *map(_without_additions, repeated)))


def easy_pattern(password: str, *, name: str, shortest: int) -> str | None:
    """Why the password is easy to guess, as the end of a sentence about it, or ``None``."""
    rest = small = same_name(password)
    for word in (*same_name(name).split(), PRODUCT):
        rest = rest.replace(word, "") if len(word) >= SHORTEST_WORD else rest
    if len(rest) < shortest:
        return f"it must have {shortest} characters without the account's name and {PRODUCT!r}"
    if (different := len(set(small))) < FEWEST_DIFFERENT:
        return f"it has only {different} different characters (at least {FEWEST_DIFFERENT})"
    if len(repeated_part(small)) < shortest:
        return f"it repeats a part of fewer than {shortest} characters"
    if sum(not _follows(*pair) for pair in pairwise(small)) + 1 < FEWEST_FREE:
        return "it is mostly a sequence, such as abcdef, 123456 or qwerty"
    return None


def repeated_part(text: str) -> str:
    """The shortest part of which the text consists, such as ``ab`` of ``ababab``; the text itself if none repeats."""
    at = (text + text).find(text, 1)
    return text[:at] if at > 0 else text


def _follows(one: str, other: str) -> bool:
    return abs(ord(one) - ord(other)) <= 1 or (one, other) in _NEIGHBOURS


def _without_additions(password: str) -> list[str]:
    """The password, and the variants without up to four digits or signs at its ends."""
    parts = _ADDED.fullmatch(password)
    if parts is None:
        return [password]
    before, after, length = len(parts["before"]), len(parts["after"]), len(password)
    return [
        password[left : length - right]
        for left in range(min(before, MOST_ADDED) + 1)
        for right in range(min(after, MOST_ADDED - left) + 1)
        if left + right < length
    ]


@functools.cache
def _passwords() -> frozenset[str]:
    lines = Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").split("\n")
    return frozenset(line for line in lines if line)
