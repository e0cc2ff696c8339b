"""Reads runs and their cases for commands, through control's API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from fairtrial_cli.store_client.remote.request import Row, SendRequest


class RemoteRuns:
    """Runs through control's API."""

    def __init__(self, send: SendRequest) -> None:
        self._send = send

    def resolve(self, name: str) -> str:
        return str(self._one("/api/runs/resolve", name=name)["run_id"])

    def figures(self, run_id: str) -> Row:
        return self._one(f"/api/runs/{quote(run_id, safe='')}/figures")

    def cases(self, run_id: str, wanted: Row, *, limit: int, offset: int = 0) -> Row:
        return self._one(f"/api/runs/{quote(run_id, safe='')}/cases", **wanted, limit=limit, offset=offset)

    def pairs(self, ids: tuple[str, str], wanted: Row, *, limit: int, offset: int = 0) -> Row:
        both = {"candidate_run": ids[0], "baseline_run": ids[1]}
        return self._one("/api/comparisons/cases", **both, **wanted, limit=limit, offset=offset)

    def _one(self, path: str, **params: Any) -> Row:
        return msgspec.json.decode(self._send("GET", path, params=params), type=Row)
