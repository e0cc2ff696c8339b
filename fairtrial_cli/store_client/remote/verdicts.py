"""Reads, approves and checks verdicts for commands, through control's API."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from fairtrial.domain.verdicts.approvals import ApprovalVote

if TYPE_CHECKING:
    pass
from fairtrial_cli.store_client.remote.request import Row, SendRequest


class RemoteVerdicts:
    """Verdicts through control's API."""

    def __init__(self, send: SendRequest) -> None:
        self._send = send

    def listing(self, *, gate: str | None = None, candidate: str | None = None, limit: int = 100) -> list[Row]:
        params = {"gate": gate, "candidate": candidate, "limit": limit}
        answer = self._send("GET", "/api/verdicts", params=params)
        return msgspec.json.decode(answer, type=dict[str, list[Row]])["rows"]

    def record(self, verdict_id: str) -> Row:
        return self._one(verdict_id, "record")

    def vote(self, verdict_id: str, vote: ApprovalVote, why: str) -> Row:
        self._send("POST", _path(verdict_id, vote), content=msgspec.json.encode({"why": why}))
        return self.record(verdict_id)

    def recompute(self, verdict_id: str) -> Row:
        return self._one(verdict_id, "recomputation")

    def integrity(self, verdict_id: str | None) -> Row:
        path = "/api/verdicts/integrity" if verdict_id is None else _path(verdict_id, "integrity")
        return msgspec.json.decode(self._send("GET", path), type=Row)

    def evidence(self, verdict_id: str) -> str:
        return self._send("GET", _path(verdict_id, "evidence")).decode()

    def export(self, verdict_id: str) -> str:
        return self._send("GET", _path(verdict_id, "export")).decode()

    def _one(self, verdict_id: str, what: str) -> Row:
        return msgspec.json.decode(self._send("GET", _path(verdict_id, what)), type=Row)


def _path(verdict_id: str, what: str) -> str:
    return f"/api/verdicts/{quote(verdict_id, safe='')}/{what}"
