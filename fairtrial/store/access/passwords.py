"""Passwords: kept as argon2id, checked a few at a time, and as slowly for a name that nobody has."""

from __future__ import annotations

import functools
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from fairtrial.domain.accounts import same_name
from fairtrial.domain.errors import BadRequest
from fairtrial.store.access.common_passwords import is_common

SHORTEST = 10
LONGEST = 200
AT_ONCE = 2
"""Each check takes 64 MiB (the second choice of RFC 9106): strangers must not be able to fill the memory."""

_HASHER = PasswordHasher()
_TURNS = threading.Semaphore(AT_ONCE)


def proper_password(password: str, *, name: str) -> str:
    """The password, if it will do; raises `BadRequest` that says why not (NIST SP 800-63B: length, no recipes)."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadRequest(f"password: it must have {SHORTEST} to {LONGEST} characters (it has {len(password)})")
    if same_name(password) == same_name(name) or len(set(password)) < SHORTEST // 3:
        raise BadRequest("password: it is too easy to guess")
    if is_common(password):
        raise BadRequest(
            "password: it is one of the ten thousand most common passwords, perhaps with digits or signs added"
        )
    return password


def hashed(password: str) -> str:
    """What is stored: argon2id with its salt and parameters."""
    with _TURNS:
        return _HASHER.hash(_encoded(password))


def matches(stored: str | None, password: str) -> bool:
    """Whether it is the password; ``None`` never matches and takes as long, so time tells nobody which names exist."""
    against = stored or _decoy()
    with _TURNS:
        try:
            found = _HASHER.verify(against, _encoded(password))
        except (VerifyMismatchError, InvalidHashError):
            return False
    return found and stored is not None


@functools.cache
def _decoy() -> str:
    return hashed("nobody has this password")


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
