"""Creates the first credentials: a one-time link or an invitation, and API keys for commands on this machine."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fairtrial.api.keys import CreateKey
from fairtrial.config.layout import Layout
from fairtrial.domain.accounts import INTERNAL_KEY, Invitation, NewKey, OneTimeLink, Right
from fairtrial.safe_files import write_private
from fairtrial.store.access import accounts, credentials
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from gateway.control.context import CONTROL, Context, Owner
from gateway.control.operations import keys as key_operations

MARK = "first_start"
NAME = "first-admin"


@dataclass(frozen=True, slots=True)
class InitialCredentials:
    """The first credentials; ``None`` for those that do not apply or already exist."""

    key: NewKey | None = None
    invitation: Invitation | None = None
    link: OneTimeLink | None = None


def initial_credentials(owner: Owner, *, loopback: bool) -> InitialCredentials | None:
    """On loopback, a one-time link as long as there is no account; elsewhere `first_start_credentials`."""
    if not loopback:
        return first_start_credentials(owner)
    if accounts.any_exist(owner.database):
        return None
    return InitialCredentials(link=credentials.create_link(owner.database, actor="control", now_us=owner.clock_us()))


def first_start_credentials(owner: Owner) -> InitialCredentials | None:
    """The first `admin` key and the first invitation; ``None`` if this store was started before.

    The store is marked before they are created. If the process dies in between, no credentials are shown twice.
    """
    database = owner.database
    if not named_values.is_first_time(database, MARK):
        return None
    key = invitation = None
    if not _has_admin_key(owner):
        key = key_operations.create(Context(owner, CONTROL), CreateKey(name=NAME, rights=("admin",)))
    if not accounts.any_exist(database):
        invitation = accounts.invite(database, None, "admin", actor="control", now_us=owner.clock_us())
    return InitialCredentials(key, invitation)


def _has_admin_key(owner: Owner) -> bool:
    """Not counting the key that control writes to a file for commands on this machine."""
    return any("admin" in key.rights and key.name != ADMIN.name for key in credentials.valid_keys(owner.database))


@dataclass(frozen=True, slots=True)
class LocalKey:
    """A key's name, its rights, and the path of its file."""

    name: str
    rights: tuple[Right, ...]
    path: Callable[[Layout], Path]


INTERNAL = LocalKey(INTERNAL_KEY, ("complete", "pin", "see_variant"), lambda layout: layout.internal_key)
"""Evaluation runs use it for the gateway."""

ADMIN = LocalKey("admin", ("admin",), lambda layout: layout.admin_key)
"""Commands use it for the control API."""


def ensure_key(database: Database, local_key: LocalKey, *, now_us: int) -> None:
    """Keep the key of an earlier start if it is still valid, so that running work can continue; else create one."""
    path = local_key.path(database.layout)
    digest = _digest_of_file(path)
    if any(key.sha256 == digest for key in credentials.valid_keys(database)):
        return
    made = credentials.create_key(database, CreateKey(name=local_key.name, rights=local_key.rights), now_us=now_us)
    write_private(path, f"{made.secret}\n".encode())


def _digest_of_file(path: Path) -> str | None:
    try:
        return accounts.token_digest(path.read_text(encoding="utf-8").strip())
    except OSError:
        return None
