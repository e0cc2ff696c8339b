"""Defines accounts, invitations, sign-in links and roles of people, and the rights of API keys."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["auditor", "reviewer", "release-manager", "admin"]
State = Literal["invited", "active", "disabled"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the fewest rights to change something to the most; each role may change what those before it may."""
READS_AS: Mapping[Role, Role] = {"auditor": "release-manager"}
"""Roles that read more than they change, with the role whose data they read."""
APPROVERS: tuple[Role, ...] = ("release-manager", "admin")
"""The roles that may approve a release."""
LONGEST_NAME = 80
INTERNAL_KEY = "internal"
"""The name of the key with which suites, judges and probes call the gateway."""
CONTROL = "control"
"""The actor of what rules do."""

Right = Literal["complete", "feedback", "pin", "see_variant", "admin"]
"""The rights of keys: query models, send feedback, force an arm or deployment, see the arm in headers, use control."""

RIGHTS: tuple[Right, ...] = ("complete", "feedback", "pin", "see_variant", "admin")
DEFAULT_RIGHTS: tuple[Right, ...] = ("complete", "feedback")


@dataclass(frozen=True, slots=True)
class Account:
    """A person; ``name`` is ``None`` until they choose one, if the invitation left it open."""

    account_id: str
    name: str | None
    role: Role
    state: State


LOCAL = Account("local", "local", "admin", "active")
"""The user of this machine, who signs in by a one-time link. Valid only while there is no account."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link with which one person can set a password once; ``token`` is shown once and stored as a hash."""

    account_id: str
    name: str | None
    role: Role
    token: str
    expires_us: int


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """A link that signs one browser in once. ``token`` is stored as a hash; ``expires_us`` is in UTC."""

    token: str
    expires_us: int


def may(role: Role, needed: Role, *, reading: bool) -> bool:
    """Whether ``role`` has the rights of ``needed``: to read only, or also to change something."""
    own = READS_AS.get(role, role) if reading else role
    return ROLES.index(own) >= ROLES.index(needed)


def only_reads(role: Role) -> bool:
    """Whether the role may change nothing."""
    return role == "auditor"


def same_name(name: str) -> str:
    """A key that is equal for all spellings of a name."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


# A `Key` has the hash of the secret instead, and is published to the workers.
@dataclass(frozen=True, slots=True)
class NewKey:
    """A newly created key. ``secret`` is the whole text that callers send; it is never shown again."""

    key_id: str
    name: str
    secret: str
    rights: tuple[Right, ...]
    routes: tuple[str, ...]
    expires_us: int | None
