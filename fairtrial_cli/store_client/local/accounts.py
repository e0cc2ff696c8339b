"""Manages accounts for commands, in the open store."""

from __future__ import annotations

from typing import Any

import msgspec

from fairtrial.domain.accounts import Account, Invitation, OneTimeLink, Role
from fairtrial.store.access import accounts, invitations, one_time_links
from fairtrial.store.core.database import Database
from fairtrial_cli.store_client.local.conversion import ACTOR, Clock, usage_errors


class LocalAccounts:
    """Accounts in the open store."""

    def __init__(self, database: Database, now_us: Clock) -> None:
        self._database = database
        self._now_us = now_us

    def invite(self, name: str | None, role: Role) -> Invitation:
        with usage_errors():
            return invitations.invite(self._database, name, role, actor=ACTOR, now_us=self._now_us())

    def listing(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = msgspec.to_builtins(self._database.dicts(accounts.listing()))
        return rows

    def reset(self, who: str) -> Invitation:
        return invitations.reset(self._database, who, actor=ACTOR, now_us=self._now_us())

    def disable(self, who: str) -> Account:
        return accounts.disable(self._database, who, actor=ACTOR, now_us=self._now_us())

    def set_role(self, who: str, role: Role) -> Account:
        return accounts.set_role(self._database, who, role, actor=ACTOR, now_us=self._now_us())

    def one_time_link(self) -> OneTimeLink:
        with usage_errors():
            return one_time_links.create(self._database, actor=ACTOR, now_us=self._now_us())
