"""Manages accounts for commands, through control's API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from fairtrial.domain.accounts import Account, Invitation, OneTimeLink, Role
from fairtrial_cli.store_client.remote.request import SendRequest


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
