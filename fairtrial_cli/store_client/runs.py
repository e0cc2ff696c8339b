"""Reads runs and their cases for commands, in the open store or through control's API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from fairtrial.domain.errors import RequestError, UsageError
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.evaluations import run_names
from fairtrial_cli.store_client.accounts import SendRequest

Row = dict[str, Any]


class LocalRuns:
    """Runs in the open store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def resolve(self, name: str) -> str:
        try:
            return run_names.find_run(self._database, name)
        except RequestError as error:
            raise UsageError(error.message) from error

    def figures(self, run_id: str) -> Row:
        from gateway.control.operations.read_run_cases import read_figures

        try:
            return _plain(read_figures(self._database, run_id))
        except RequestError as error:
            raise UsageError(error.message) from error

    def cases(self, run_id: str, wanted: Row, *, limit: int, offset: int = 0) -> Row:
        from gateway.control.operations.read_run_cases import CaseRequest, read_cases

        page = Page(limit=limit, offset=offset)
        try:
            return _plain(read_cases(self._database, page, run_id, CaseRequest(**wanted)))
        except RequestError as error:
            raise UsageError(error.message) from error

    def pairs(self, ids: tuple[str, str], wanted: Row, *, limit: int, offset: int = 0) -> Row:
        from gateway.control.operations.read_run_cases import PairRequest, read_pairs

        page = Page(limit=limit, offset=offset)
        try:
            return _plain(read_pairs(self._database, page, ids, PairRequest(**wanted)))
        except RequestError as error:
            raise UsageError(error.message) from error


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


def _plain(value: Any) -> Row:
    plain: Row = msgspec.to_builtins(value)
    return plain
