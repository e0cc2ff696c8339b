"""Creates the first credentials: a one-time link on loopback, otherwise an admin key and an invitation."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.accounts import Invitation, OneTimeLink
from fairtrial.domain.storage.keys import KeyOptions, NewKey
from fairtrial.store.access import accounts, invitations, one_time_links, store_secrets
from gateway.control.background.background_work import BackgroundWork
from gateway.control.background.local_keys import ADMIN

MARK = "first_start"
NAME = "first-admin"


@dataclass(frozen=True, slots=True)
class InitialCredentials:
    """The first credentials; ``None`` for those that do not apply or already exist."""

    key: NewKey | None = None
    invitation: Invitation | None = None
    link: OneTimeLink | None = None


def initial_credentials(background: BackgroundWork, *, loopback: bool) -> InitialCredentials | None:
    """On loopback, a one-time link as long as there is no account; elsewhere `first_start_credentials`."""
    if not loopback:
        return first_start_credentials(background)
    if accounts.any_exist(background.database):
        return None
    return InitialCredentials(
        link=one_time_links.create(background.database, actor="control", now_us=background.clock_us())
    )


def first_start_credentials(background: BackgroundWork) -> InitialCredentials | None:
    """The first `admin` key and the first invitation; ``None`` if this store was started before.

    The store is marked before they are created. If the process dies in between, no credentials are shown twice.
    """
    database = background.database
    if not store_secrets.is_first_time(database, MARK):
        return None
    key = invitation = None
    if not _has_admin_key(background):
        key = background.create_key(NAME, actor="control", options=KeyOptions(rights=("admin",)))
    if not accounts.any_exist(database):
        invitation = invitations.invite(database, None, "admin", actor="control", now_us=background.clock_us())
    return InitialCredentials(key, invitation)


def _has_admin_key(background: BackgroundWork) -> bool:
    """Not counting the key that control writes to a file for commands on this machine."""
    return any("admin" in key.rights and key.name != ADMIN.name for key in background.valid_keys())
