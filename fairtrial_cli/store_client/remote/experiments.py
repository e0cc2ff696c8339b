"""Reads and changes states of experiments for commands, through control's API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial_cli.store_client.remote.request import Row, SendRequest

if TYPE_CHECKING:
    from fairtrial.experiments.lifecycle import Action
    from fairtrial.experiments.promotion import Promotion


class RemoteExperiments:
    """States and plans through control's API."""

    def __init__(self, send: SendRequest) -> None:
        self._send = send

    def states(self, *, all_: bool = False) -> list[Row]:
        return self._rows(f"/api/experiment-states?all={str(all_).lower()}")

    def state(self, name: str) -> Row:
        return self._one(_path(name, "state"))

    def change(
        self, name: str, action: Action, why: str, promotion: Promotion | None = None, *, rules: bool = False
    ) -> Row:
        fields: Row = {} if promotion is None else msgspec.to_builtins(promotion)
        body: Row = {"why": why} | {name: value for name, value in fields.items() if value is not None}
        body |= {"rules": True} if rules else {}
        answer = self._send("POST", _path(name, action), content=msgspec.json.encode(body))
        return msgspec.json.decode(answer, type=Row)

    def transitions(self, name: str) -> list[Row]:
        return self._rows(_path(name, "transitions"))

    def frozen(self) -> dict[str, AnalysisPlan]:
        return {row["experiment"]: AnalysisPlan.restored(row) for row in self._rows("/api/analysis-plans")}

    def decision(self, name: str) -> Row:
        answer = self._send("GET", _path(name, "decision"), params={"slices": "false"})
        return msgspec.json.decode(answer, type=Row)

    def errors(self, name: str) -> list[Row]:
        return self._rows(_path(name, "errors"), since_us=0)

    def plan_log(self, limit: int) -> list[Row]:
        return self._rows("/api/plans", limit=limit)

    def plan(self, plan_hash: str) -> Row:
        return self._one(f"/api/plans/{quote(plan_hash, safe='')}")

    def plan_diff(self, old: str, new: str) -> list[Row]:
        return self._rows("/api/plans/diff", **{"from": old, "to": new})

    def plan_at(self, at: datetime) -> Row:
        return msgspec.json.decode(self._send("GET", "/api/plans/at", params={"at": at.isoformat()}), type=Row)

    def _one(self, path: str) -> Row:
        return msgspec.json.decode(self._send("GET", path), type=Row)

    def _rows(self, path: str, **params: Any) -> list[Row]:
        return msgspec.json.decode(self._send("GET", path, params=params), type=dict[str, list[Row]])["rows"]


def _path(name: str, what: str) -> str:
    return f"/api/experiments/{quote(name, safe='')}/{what}"
