"""Manages accounts for commands, in the open store or through control's API."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from fairtrial.domain.accounts import Account, Invitation, OneTimeLink, Role
from fairtrial.domain.errors import RequestError, UsageError
from fairtrial.store.access import accounts, invitations, one_time_links
from fairtrial.store.core.database import Database

ACTOR = "command line"


class SendRequest(Protocol):
    """Sends a request of a `RemoteStore`."""

    def __call__(
        self, method: str, path: str, *, params: dict[str, Any] | None = None, content: bytes | None = None
    ) -> bytes:
        """The response body; raises `UsageError`, `StoreError`."""


class Clock(Protocol):
    """Microseconds since 1970, UTC."""

    def __call__(self) -> int:
        """Now."""


class LocalAccounts:
    """Accounts in the open store."""

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
    """Accounts through control's API."""

    def __init__(self, send: SendRequest) -> None:
        self._send = send

    def invite(self, name: str | None, role: Role) -> Invitation:
        body = msgspec.json.encode({"name": name, "role": role})
        return msgspec.json.decode(self._send("POST", "/api/accounts", content=body), type=Invitation)

    def listing(self) -> list[dict[str, Any]]:
        answer = self._send("GET", "/api/accounts", params={"limit": 1000})
        return msgspec.json.decode(answer, type=dict[str, list[dict[str, Any]]])["rows"]

    def reset(self, who: str) -> Invitation:
        return msgspec.json.decode(self._send("POST", _path(who, "reset")), type=Invitation)

    def disable(self, who: str) -> Account:
        return msgspec.json.decode(self._send("POST", _path(who, "disable")), type=Account)

    def set_role(self, who: str, role: Role) -> Account:
        body = msgspec.json.encode({"role": role})
        return msgspec.json.decode(self._send("PUT", _path(who, "role"), content=body), type=Account)

    def one_time_link(self) -> OneTimeLink:
        return msgspec.json.decode(self._send("POST", "/api/one-time-links"), type=OneTimeLink)


def _path(who: str, action: str) -> str:
    return f"/api/accounts/{quote(who, safe='')}/{action}"
