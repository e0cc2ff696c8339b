"""People who sign in: what an account is, and which role may do what another may."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from fairtrial.domain.errors import BadRequest

Role = Literal["reviewer", "release-manager", "admin"]
State = Literal["invited", "active", "disabled"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the fewest rights to the most: each role may do all that those before it may."""
LONGEST_NAME = 80
TAKEN_NAMES = frozenset({"local", "control", "command line"})
"""The audit trail calls the programs of this machine so."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person; ``name`` is ``None`` until they choose one, if whoever invited them left it open."""

    account_id: str
    name: str | None
    role: Role
    state: State


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that lets one person set a password, once; ``token`` is shown this one time and kept as a hash."""

    account_id: str
    name: str | None
    role: Role
    token: str
    expires_us: int


def covers(role: Role, needed: Role) -> bool:
    """Whether ``role`` may do what ``needed`` may."""
    return ROLES.index(role) >= ROLES.index(needed)


def proper_name(text: str) -> str:
    """A name as it is kept; raises `BadRequest` for one that can't be told from another or can't be read."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if not name or len(name) > LONGEST_NAME:
        raise BadRequest(f"name: it must have 1 to {LONGEST_NAME} characters (it has {len(name)})")
    if not name.isprintable():
        raise BadRequest("name: it has characters that can't be seen")
    if same_name(name) in TAKEN_NAMES:
        raise BadRequest(f"name: {name!r} is what the audit trail calls a program")
    return name


def same_name(name: str) -> str:
    """What two spellings of one name have in common."""
    return unicodedata.normalize("NFKC", name).casefold().strip()
