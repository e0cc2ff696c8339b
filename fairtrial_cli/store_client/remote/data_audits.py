"""Stores and lists audits of training data for commands, through control's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from gateway.control.operations.requests.data_audit import AuditRequest
from fairtrial_cli.store_client.remote.request import Row, SendRequest


class RemoteDataAudits:
    """Audits through control's API."""

    def __init__(self, send: SendRequest) -> None:
        self._send = send

    def record(self, result: AuditRequest, project: Project) -> Row:  # noqa: ARG002 - control reads its own
        content = result.model_dump_json().encode()
        return msgspec.json.decode(self._send("POST", "/api/data-audits", content=content), type=Row)

    def listing(self, *, deployment: str | None = None, limit: int = 100) -> list[Row]:
        params = {"deployment": deployment, "limit": limit}
        answer = self._send("GET", "/api/data-audits", params=params)
        return msgspec.json.decode(answer, type=dict[str, list[Row]])["rows"]
