"""What control's first user needs to come in: a one-time link on loopback, else a key and an invitation, made once."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.accounts import Invitation
from fairtrial.store.access import accounts, invitations, one_time_links, store_secrets
from fairtrial.store.access.keys import KeyOptions, NewKey
from fairtrial.store.access.one_time_links import OneTimeLink
from gateway.control.background.background_work import Keeper
from gateway.control.background.local_keys import ADMIN

MARK = "first_start"
NAME = "first-admin"


@dataclass(frozen=True, slots=True)
class Welcome:
    """What whoever runs control needs to come in; ``None`` for what does not apply or exists already."""

    key: NewKey | None = None
    invitation: Invitation | None = None
    link: OneTimeLink | None = None


def welcome_to(keeper: Keeper, *, loopback: bool) -> Welcome | None:
    """On loopback a one-time link while there is no account; elsewhere see `first_start`."""
    if not loopback:
        return first_start(keeper)
    if accounts.exist(keeper.database):
        return None
    return Welcome(link=one_time_links.create(keeper.database, actor="control", now_us=keeper.clock_us()))


def first_start(keeper: Keeper) -> Welcome | None:
    """The first key with the right `admin` and the way to the first account; ``None`` if this store started before.

    The mark goes into the store before they are made: a start that dies in between shows none, rather than two.
    """
    database = keeper.database
    if not store_secrets.first_time(database, MARK):
        return None
    key = invitation = None
    if not _has_admin_key(keeper):
        key = keeper.create_key(NAME, actor="control", options=KeyOptions(rights=("admin",)))
    if not accounts.exist(database):
        invitation = invitations.invite(database, None, "admin", actor="control", now_us=keeper.clock_us())
    return Welcome(key, invitation)


def _has_admin_key(keeper: Keeper) -> bool:
    """Besides the one that control keeps in a file for programs of this machine."""
    return any("admin" in key.rights and key.name != ADMIN.name for key in keeper.valid_keys())
