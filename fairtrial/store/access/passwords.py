"""Hashes and verifies passwords with argon2id, a few at a time, and as slowly for names that do not exist."""

from __future__ import annotations

import functools
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from fairtrial.domain.errors import BadRequest
from fairtrial.store.access.common_passwords import easy_pattern, is_common

SHORTEST = 10
LONGEST = 200
AT_ONCE = 2
"""Each check takes 64 MiB (the second choice of RFC 9106), so strangers must not be able to fill the memory."""

_HASHER = PasswordHasher()
_TURNS = threading.Semaphore(AT_ONCE)


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
        return _HASHER.hash(_encoded(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password matches. ``None`` never matches but takes as long, so timing reveals no names."""
    against = stored or _decoy()
    with _TURNS:
        try:
            found = _HASHER.verify(against, _encoded(password))
        except (VerifyMismatchError, InvalidHashError):
            return False
    return found and stored is not None


@functools.cache
def _decoy() -> str:
    return hash_password("nobody has this password")


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
