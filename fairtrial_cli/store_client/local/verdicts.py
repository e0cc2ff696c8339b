"""Reads, approves and checks verdicts for commands, in the open store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fairtrial.config.local_user import local_actor
from fairtrial.config.plan.live_state import lay_over
from fairtrial.config.project import load_project
from fairtrial.domain.errors import FairtrialError, UsageError
from fairtrial.domain.verdicts.approvals import ApprovalVote
from fairtrial.store.access.sessions import LOCAL
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.evaluations import verdict_chain, verdicts
from fairtrial.store.experiments import transitions

if TYPE_CHECKING:
    from gateway.control.operations.verdicts.present import Present
from fairtrial_cli.store_client.local.conversion import Row, Time, plain, usage_errors


class LocalVerdicts:
    """Verdicts in the open store. ``config``: the project file, for what is declared now."""

    def __init__(self, database: Database, config: Path | None, time: Time) -> None:
        self._database = database
        self._config = config
        self._time = time

    def listing(self, *, gate: str | None = None, candidate: str | None = None, limit: int = 100) -> list[Row]:
        from gateway.control.operations.verdicts.release.verdict_rows import verdict_rows

        query = verdicts.listing(Page(limit=limit), gate=gate, candidate=candidate)
        return [plain(row) for row in verdict_rows(self._database, query, self._present_or_none())]

    def record(self, verdict_id: str) -> Row:
        from gateway.control.operations.verdicts.release.release_record import release_record
        from gateway.control.operations.verdicts.release.vote_on_verdict import find_verdict

        present = self._present()
        with usage_errors():
            record = release_record(self._database, find_verdict(self._database, verdict_id), present)
        return msgspec.json.decode(msgspec.json.encode(record), type=Row)

    def export(self, verdict_id: str) -> str:
        from gateway.control.operations.verdicts.export.contents import read_contents
        from gateway.control.operations.verdicts.export.page import render
        from gateway.control.operations.verdicts.release.vote_on_verdict import find_verdict

        present = self._present()
        with usage_errors():
            return render(read_contents(self._database, find_verdict(self._database, verdict_id), present))

    def vote(self, verdict_id: str, vote: ApprovalVote, why: str) -> Row:
        from gateway.control.operations.verdicts.release.vote_on_verdict import vote_on_verdict

        voter = local_actor(), LOCAL.role
        with usage_errors():
            vote_on_verdict(self._database, verdict_id, vote, voter, why=why, now_us=self._time().stamp_us)
        return self.record(verdict_id)

    def recompute(self, verdict_id: str) -> Row:
        from gateway.control.operations.verdicts.recompute import recompute

        with usage_errors():
            return plain(recompute(self._database, verdict_id))

    def integrity(self, verdict_id: str | None) -> Row:
        from gateway.control.operations.verdicts.release.release_record import integrity
        from gateway.control.operations.verdicts.release.vote_on_verdict import find_verdict

        with usage_errors():
            one = None if verdict_id is None else find_verdict(self._database, verdict_id).verdict_id
            return plain(integrity(self._database, one))

    def evidence(self, verdict_id: str) -> str:
        from evaluators.gate.evidence.document import strict_json_of
        from gateway.control.operations.verdicts.release.vote_on_verdict import find_verdict

        with usage_errors():
            found = find_verdict(self._database, verdict_id)
        document = verdict_chain.evidence_of(self._database, found.verdict_id)
        if document is None:
            raise UsageError(f"verdict {verdict_id}: an earlier version judged it, without keeping the evidence")
        return strict_json_of(document)

    def _present_or_none(self) -> Present | None:
        """What is true now; ``None`` if no project file says so."""
        try:
            return self._present()
        except FairtrialError:
            return None

    def _present(self) -> Present:
        from gateway.control.operations.verdicts.present import Present

        if self._config is None:
            raise UsageError("verdict: no project file was named")
        project = load_project(self._config, os.environ)
        plan = lay_over(project.plan, transitions.live(self._database))
        time = self._time()
        return Present(plan, project.release_gates, time.now_us, held=time.held)
