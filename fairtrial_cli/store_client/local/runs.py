"""Reads runs and their cases for commands, in the open store."""

from __future__ import annotations

from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.evaluations import run_names
from fairtrial_cli.store_client.local.conversion import Row, plain, usage_errors


class LocalRuns:
    """Runs in the open store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def resolve(self, name: str) -> str:
        with usage_errors():
            return run_names.find_run(self._database, name)

    def figures(self, run_id: str) -> Row:
        from gateway.control.operations.read_run_cases import read_figures

        with usage_errors():
            return plain(read_figures(self._database, run_id))

    def cases(self, run_id: str, wanted: Row, *, limit: int, offset: int = 0) -> Row:
        from gateway.control.operations.read_run_cases import CaseRequest, read_cases

        page = Page(limit=limit, offset=offset)
        with usage_errors():
            return plain(read_cases(self._database, page, run_id, CaseRequest(**wanted)))

    def pairs(self, ids: tuple[str, str], wanted: Row, *, limit: int, offset: int = 0) -> Row:
        from gateway.control.operations.read_run_cases import PairRequest, read_pairs

        page = Page(limit=limit, offset=offset)
        with usage_errors():
            return plain(read_pairs(self._database, page, ids, PairRequest(**wanted)))
