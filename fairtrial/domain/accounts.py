"""People who sign in: what an account is, and which role may do what another may."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from fairtrial.domain.errors import BadRequest
from fairtrial.domain.names.look_alikes import has_invisible, look_alike, mixes_scripts

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
    name = unicodedata.normalize("NFKC", " ".join(unicodedata.normalize("NFKC", text).split()))
    if not name or len(name) > LONGEST_NAME:
        raise BadRequest(f"name: it must have 1 to {LONGEST_NAME} characters (it has {len(name)})")
    if has_invisible(name):
        raise BadRequest("name: it has characters that can't be seen")
    if mixes_scripts(name):
        raise BadRequest(f"name: {name!r} mixes letters of several scripts, so that it may look like another name")
    if any(look_alike(name, taken) for taken in TAKEN_NAMES):
        raise BadRequest(f"name: {name!r} is, or looks like, what the audit trail calls a program")
    return name


def same_name(name: str) -> str:
    """What two spellings of one name have in common."""
    return unicodedata.normalize("NFKC", name).casefold().strip()
