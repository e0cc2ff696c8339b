"""Describes a verdict as a release record: how it reads, what it rests on, who approved it, and where it was used."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import msgspec

from evaluators.comparison.presentation import figures
from fairtrial.domain.verdicts import verdict_json
from fairtrial.domain.verdicts.approvals import Approval, ApprovalState, reads_as
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.store.access import audit
from fairtrial.store.access.row_check import RowProblem, check_rows
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import verdict_chain, verdicts
from fairtrial.store.evaluations.verdict_chain import ChainEntry
from fairtrial.store.experiments import transitions
from gateway.control.operations.present import Present
from gateway.control.operations.verdicts.export_page import ExportContents, chain_text, compact_json
from gateway.control.operations.verdicts.release.approvals import state_of
from gateway.control.operations.verdicts.staleness import stale_reasons


def release_record(database: Database, verdict: Verdict, present: Present) -> dict[str, Any]:
    """The record as JSON values; times are microseconds since 1970, UTC. Raises `StoreError`.

    ``chain`` is ``None`` for a verdict of an earlier version, and ``stale`` says why it no longer stands.
    """
    state = state_of(database, verdict)
    entries = verdict_chain.entries(database)
    own = next((entry for entry in entries if entry.verdict_id == verdict.verdict_id), None)
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
        "trail_head": _trail_head(database),
        "now_us": present.now_us,
    }


KEPT_APART = ("verdict", "chain")
"""Parts of a release record that an export contains as stored."""


def read_contents(database: Database, verdict: Verdict, present: Present) -> ExportContents:
    """The contents of a stored verdict's export; raises `StoreError`."""
    record = msgspec.json.decode(msgspec.json.encode(release_record(database, verdict, present)), type=dict[str, Any])
    shown = {name: value for name, value in record.items() if name not in KEPT_APART}
    entries = verdict_chain.entries(database)
    from_own = [entry for entry in entries if entry.number >= _number(entries, verdict.verdict_id)]
    text, evidence = verdict_chain.stored(database, verdict.verdict_id)
    return ExportContents(
        text,
        compact_json({"program": version("fairtrial"), **shown}),
        evidence,
        chain_text(from_own) if evidence is not None else None,
    )


def _number(entries: Sequence[ChainEntry], verdict_id: str) -> int:
    return next((entry.number for entry in entries if entry.verdict_id == verdict_id), len(entries) + 1)


def integrity(database: Database, verdict_id: str | None = None) -> dict[str, Any]:
    """Whether stored rows are as the audit trail and the chain of verdicts recorded them.

    Of one verdict or of all verdicts: the stored texts, their evidence and approvals. In both cases: the audit trail,
    and the transitions, looks, plans and alarms that it covers. ``uncovered``: rows of earlier versions without a
    digest, by table. ``head`` and ``trail_head``: the newest entries of the two chains. An auditor who keeps them
    elsewhere can tell later that nothing before was replaced.
    """
    with database.read_transaction() as cursor:  # the statements below use the same cursor, so all see one snapshot
        entries = verdict_chain.entries(database)
        chain = list(verdict_chain.problems(database, verdict_id=verdict_id))
        named = {problem.verdict_id for problem in chain}
        chain += verdict_chain.without_entry(database)
        broken = audit.first_broken_entry(database)
        rows = check_rows(cursor)
        stored = verdicts.count(database)
        trail_head = _trail_head(database)
    problems = [
        *chain,
        *(problem for problem in rows.problems if problem.table != "verdicts" or problem.verdict_id not in named),
    ]
    if broken is not None:
        problems.append(RowProblem("events", str(broken), f"the audit trail was changed at entry {broken}"))
    if verdict_id is not None:  # votes on equal evidence count for it, too
        own_or_equal = {"", *verdicts.on_equal_evidence(database, [verdict_id])[verdict_id]}
        problems = [problem for problem in problems if problem.verdict_id in own_or_equal]
    return {
        "intact": not problems,
        "problems": [asdict(problem) for problem in problems],
        "verdicts": len(entries),
        "without_evidence": stored - len(entries),
        "covered": rows.covered,
        "uncovered": rows.uncovered,
        "head": _head(entries),
        "trail_head": trail_head,
    }


def _head(entries: list[ChainEntry]) -> dict[str, Any] | None:
    return {"number": entries[-1].number, "hash": entries[-1].hash} if entries else None


def _trail_head(database: Database) -> dict[str, Any] | None:
    with database.read_cursor() as cursor:
        head = audit.head(cursor)
    return None if head is None else {"number": head[0], "hash": head[1]}


def _approvals(verdict: Verdict, state: ApprovalState) -> dict[str, Any]:
    votes: list[Approval] = list(state.votes)
    return {
        "required": list(verdict.approvers),
        "waiting": list(state.waiting),
        "complete": state.complete,
        "rejected": state.rejected,
        "votes": votes,
    }
