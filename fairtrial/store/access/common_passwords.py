"""Recognises the ten thousand most common leaked passwords. The LICENSE file names their source."""

from __future__ import annotations

import functools
import re
from pathlib import Path

MOST_ADDED = 4
_ADDED = re.compile(r"(?P<before>[\W\d_]*)(?P<core>.*?)(?P<after>[\W\d_]*)", re.DOTALL)


def is_common(password: str) -> bool:
    """Whether the password is common, ignoring case and up to four digits or signs at either end."""
    small = password.casefold().strip()
    return any(candidate in _passwords() for candidate in _without_additions(small))


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
