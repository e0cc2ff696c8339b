"""Creates the first credentials: a one-time link on loopback, otherwise an admin key and an invitation."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.api.keys import CreateKey
from fairtrial.domain.accounts import Invitation, NewKey, OneTimeLink
from fairtrial.store.access import accounts, keys, sessions, store_secrets
from gateway.control.api import keys as key_operations
from gateway.control.background.local_keys import ADMIN
from gateway.control.caller import CONTROL
from gateway.control.context import Context, Owner

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
    return InitialCredentials(link=sessions.create(owner.database, actor="control", now_us=owner.clock_us()))


def first_start_credentials(owner: Owner) -> InitialCredentials | None:
    """The first `admin` key and the first invitation; ``None`` if this store was started before.

    The store is marked before they are created. If the process dies in between, no credentials are shown twice.
    """
    database = owner.database
    if not store_secrets.is_first_time(database, MARK):
        return None
    key = invitation = None
    if not _has_admin_key(owner):
        key = key_operations.create(Context(owner, CONTROL), CreateKey(name=NAME, rights=("admin",)))
    if not accounts.any_exist(database):
        invitation = accounts.invite(database, None, "admin", actor="control", now_us=owner.clock_us())
    return InitialCredentials(key, invitation)


def _has_admin_key(owner: Owner) -> bool:
    """Not counting the key that control writes to a file for commands on this machine."""
    return any("admin" in key.rights and key.name != ADMIN.name for key in keys.valid(owner.database))
