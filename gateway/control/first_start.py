"""The first start of a control that others can reach: a key for whoever runs it, made once and never again."""

from __future__ import annotations

from fairtrial.store import settings
from fairtrial.store.keys import KeyOptions, NewKey
from gateway.control.keeper import Keeper
from gateway.control.local_keys import ADMIN

MARK = "first_start"
NAME = "first-admin"


def first_key(keeper: Keeper) -> NewKey | None:
    """The store's first key with the right `admin`; ``None`` if this store has started before, or has such a key.

    The mark goes into the store before the key is made: a start that dies in between shows none, rather than two.
    """
    if not settings.first_time(keeper.database, MARK) or _has_admin_key(keeper):
        return None
    return keeper.create_key(NAME, actor="control", options=KeyOptions(rights=("admin",)))


def _has_admin_key(keeper: Keeper) -> bool:
    """Besides the one that control keeps in a file for programs of this machine."""
    return any("admin" in key.rights and key.name != ADMIN.name for key in keeper.valid_keys())
