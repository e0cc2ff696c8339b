"""Accounts as commands reach them: in the store itself, or through its owner's API."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from fairtrial.domain.accounts import Account, Invitation, Role
from fairtrial.domain.errors import RequestError, UsageError
from fairtrial.store.access import accounts, invitations, one_time_links
from fairtrial.store.access.one_time_links import OneTimeLink
from fairtrial.store.core.database import Database

ACTOR = "command line"


class Ask(Protocol):
    """How a `RemoteOwner` asks."""

    def __call__(
        self, method: str, path: str, *, asked: dict[str, Any] | None = None, content: bytes | None = None
    ) -> bytes:
        """The body of the answer; raises `UsageError`, `StoreError`."""


class Clock(Protocol):
    """Microseconds since 1970, UTC."""

    def __call__(self) -> int:
        """Now."""


class DirectAccounts:
    """On the open store."""

    def __init__(self, database: Database, now_us: Clock) -> None:
        self._database = database
        self._now_us = now_us

    def invite(self, name: str | None, role: Role) -> Invitation:
        try:
            return invitations.invite(self._database, name, role, actor=ACTOR, now_us=self._now_us())
        except RequestError as error:
            raise UsageError(error.message) from error

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
        try:
            return one_time_links.create(self._database, actor=ACTOR, now_us=self._now_us())
        except RequestError as error:
            raise UsageError(error.message) from error


class RemoteAccounts:
    """The same, elsewhere."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def invite(self, name: str | None, role: Role) -> Invitation:
        wish = msgspec.json.encode({"name": name, "role": role})
        return msgspec.json.decode(self._ask("POST", "/api/accounts", content=wish), type=Invitation)

    def listing(self) -> list[dict[str, Any]]:
        answer = self._ask("GET", "/api/accounts", asked={"limit": 1000})
        return msgspec.json.decode(answer, type=dict[str, list[dict[str, Any]]])["rows"]

    def reset(self, who: str) -> Invitation:
        return msgspec.json.decode(self._ask("POST", _path(who, "reset")), type=Invitation)

    def disable(self, who: str) -> Account:
        return msgspec.json.decode(self._ask("POST", _path(who, "disable")), type=Account)

    def set_role(self, who: str, role: Role) -> Account:
        wish = msgspec.json.encode({"role": role})
        return msgspec.json.decode(self._ask("PUT", _path(who, "role"), content=wish), type=Account)

    def one_time_link(self) -> OneTimeLink:
        return msgspec.json.decode(self._ask("POST", "/api/one-time-links"), type=OneTimeLink)


def _path(who: str, action: str) -> str:
    return f"/api/accounts/{quote(who, safe='')}/{action}"
