"""Hashes and verifies passwords with argon2id, and recognises easy and common ones."""

from __future__ import annotations

import functools
import re
import threading
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from fairtrial.domain.accounts import same_name
from fairtrial.domain.errors import BadRequest

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 10
LONGEST = 200
AT_ONCE = 2
"""Each check takes 64 MiB (the second choice of RFC 9106), so strangers must not be able to fill the memory."""

_TURNS = threading.Semaphore(AT_ONCE)
MOST_ADDED = 4
FEWEST_DIFFERENT = 5
FEWEST_FREE = 6
"""Characters that do not follow from the one before them, as `b` follows from `a`."""
SHORTEST_WORD = 3
"""A shorter word of a name is part of many other words."""
PRODUCT = "fairtrial"
ROWS = ("1234567890", "qwertyuiop", "qwertzuiop", "asdfghjkl", "yxcvbnm", "zxcvbnm")
_ADDED = re.compile(r"(?P<before>[\W\d_]*)(?P<core>.*?)(?P<after>[\W\d_]*)", re.DOTALL)


def require_acceptable(password: str, *, name: str) -> str:
    """Return an acceptable password; raises `BadRequest` with the reason otherwise.

    The rules follow NIST SP 800-63B: a minimum length, no common, repetitive or sequential password and none of the
    account's name, but no rules about kinds of characters.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadRequest(f"password: it must have {SHORTEST} to {LONGEST} characters (it has {len(password)})")
    if is_common(password):
        raise BadRequest(
            "password: it is one of the ten thousand most common passwords, perhaps repeated or with digits or signs"
        )
    if (easy := easy_pattern(password, name=name, shortest=SHORTEST)) is not None:
        raise BadRequest(f"password: {easy}")
    return password


def hash_password(password: str) -> str:
    """The stored form: an argon2id hash with its salt and parameters."""
    with _TURNS:
        return _hasher().hash(_encoded(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password matches. ``None`` never matches but takes as long, so timing reveals no names."""
    from argon2.exceptions import InvalidHashError, VerifyMismatchError

    against = stored or _decoy()
    with _TURNS:
        try:
            matches = _hasher().verify(against, _encoded(password))
        except (VerifyMismatchError, InvalidHashError):
            return False
    return matches and stored is not None


@functools.cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@functools.cache
def _decoy() -> str:
    return hash_password("nobody has this password")


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


_NEIGHBOURS = frozenset(pair for row in ROWS for way in (row, row[::-1]) for pair in pairwise(way))


def is_common(password: str) -> bool:
    """Whether the password is common, ignoring case, repetitions, and up to four digits or signs at either end."""
    small = password.casefold().strip()
    candidates = _without_additions(small)
    repeated = {part for candidate in candidates if (part := repeated_part(candidate)) != candidate}
    return any(candidate in _passwords() for candidate in chain(candidates, *map(_without_additions, repeated)))


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


def _follows(first: str, second: str) -> bool:
    return abs(ord(first) - ord(second)) <= 1 or (first, second) in _NEIGHBOURS


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
