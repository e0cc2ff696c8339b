"""Describes a verdict as a release record: how it reads, what it rests on, who approved it, and where it was used."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from evaluators.gate.chart_data import figures
from fairtrial.domain.storage import verdict_json
from fairtrial.domain.verdict import Verdict
from fairtrial.domain.verdicts.approvals import Approval, ApprovalState, reads_as
from fairtrial.store.access import audit
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import approvals, verdict_chain, verdicts
from fairtrial.store.evaluations.verdict_chain import ChainEntry
from fairtrial.store.experiments import transitions
from gateway.control.operations.verdicts.approval_states import state_of
from gateway.control.operations.verdicts.staleness import Present, stale_reasons


def release_record(database: Database, verdict: Verdict, present: Present) -> dict[str, Any]:
    """The record as JSON values; times are microseconds since 1970, UTC. Raises `StoreError`.

    ``chain`` is ``None`` for a verdict of an earlier version, and ``stale`` says why it no longer stands.
    """
    state = state_of(database, verdict)
    entries = verdict_chain.entries(database)
    own = next((one for one in entries if one.verdict_id == verdict.verdict_id), None)
    return {
        "verdict": msgspec.Raw(verdict_json.encode(verdict)),
        "reads": reads_as(verdict.decision, state),
        "official": verdict.official,
        "standing": verdict.standing,
        "approvals": _approvals(verdict, state),
        "stale": list(stale_reasons(database, verdict, present)),
        "runs": verdicts.runs_of(database, verdict),
        "figures": figures(verdict.findings),
        "chain": None if own is None else asdict(own) | {"head": _head(entries)},
        "releases": transitions.citing(database, verdict.verdict_id),
        "now_us": present.now_us,
    }


def integrity(database: Database, verdict_id: str | None = None) -> dict[str, Any]:
    """Whether the stored verdicts, their evidence and the audit trail are unchanged; of one verdict or of all.

    ``head`` is the newest entry of the chain. An auditor who keeps it can tell later that nothing before was replaced.
    """
    entries = verdict_chain.entries(database)
    problems = [asdict(one) for one in verdict_chain.problems(database, verdict_id=verdict_id)]
    broken = audit.first_broken_entry(database)
    if broken is not None:
        problems.append({"number": broken, "verdict_id": "", "says": f"the audit trail was changed at entry {broken}"})
    problems += [
        {"number": 0, "verdict_id": one, "says": wrong}
        for one, wrong in verdicts.unrecorded(database)
        if verdict_id in (None, one)
    ]
    problems += [
        {"number": 0, "verdict_id": one, "says": "its approvals differ from the audit trail"}
        for one in approvals.unrecorded(database)
        if verdict_id in (None, one)
    ]
    return {
        "intact": not problems,
        "problems": problems,
        "verdicts": len(entries),
        "without_evidence": verdicts.count(database) - len(entries),
        "head": _head(entries),
    }


def _head(entries: list[ChainEntry]) -> dict[str, Any] | None:
    return {"number": entries[-1].number, "hash": entries[-1].hash} if entries else None


def _approvals(verdict: Verdict, state: ApprovalState) -> dict[str, Any]:
    votes: list[Approval] = list(state.votes)
    return {
        "required": list(verdict.approvers),
        "waiting": list(state.waiting),
        "complete": state.complete,
        "rejected": state.rejected,
        "votes": votes,
    }
