"""Describes a verdict as a release record: how it reads, what it rests on, who approved it, and where it was used."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from msgspec.structs import asdict

from evaluators.comparison.presentation import figures
from fairtrial.api.experiment_answers import StateChange
from fairtrial.api.run_answers import RunSummary
from fairtrial.api.verdict_answers import (
    Approvals,
    ChainEntry,
    ChainHead,
    ChainPlace,
    Integrity,
    ReleaseRecord,
)
from fairtrial.domain.store_reports import RowProblem
from fairtrial.domain.verdicts.approvals import ApprovalState, reads_now
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.store.access import audit
from fairtrial.store.access.row_check import check_rows
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import verdict_chain, verdicts
from fairtrial.store.experiments import transitions
from gateway.control.present import Present
from gateway.control.verdicts.export_page import FORM, ExportContents, ExportedRecord, chain_text
from gateway.control.verdicts.release.approvals import state_of
from gateway.control.verdicts.staleness import stale_reasons


def release_record(database: Database, verdict: Verdict, present: Present) -> ReleaseRecord:
    """The record; raises `StoreError`."""
    entries = verdict_chain.entries(database)
    own = next((entry for entry in entries if entry.verdict_id == verdict.verdict_id), None)
    head = _head(entries)
    return ReleaseRecord(
        verdict=verdict,
        chain=None if own is None or head is None else ChainPlace(**asdict(own), head=head),
        **_parts(database, verdict, present),
    )


def _parts(database: Database, verdict: Verdict, present: Present) -> dict[str, Any]:
    """The fields of `RecordParts`."""
    state, stale = state_of(database, verdict), list(stale_reasons(database, verdict, present))
    releases = msgspec.convert(transitions.citing(database, verdict.verdict_id), list[StateChange])
    undone = any(release.action == "rollback" for release in releases)
    return {
        "reads": reads_now(verdict.decision, state, stale=bool(stale), undone=undone),
        "official": verdict.official,
        "standing": verdict.standing,
        "approvals": Approvals(required=verdict.approvers, **votes_of(state)),
        "stale": stale,
        "runs": runs_of(database, verdict),
        "figures": figures(verdict.findings),
        "releases": releases,
        "trail_head": _trail_head(database),
        "now_us": present.now_us,
    }


def votes_of(state: ApprovalState) -> dict[str, Any]:
    """The fields of `Votes`."""
    return {"waiting": state.waiting, "complete": state.complete, "rejected": state.rejected, "votes": state.votes}


def runs_of(database: Database, verdict: Verdict) -> list[RunSummary]:
    """The runs that the verdict used, as far as they are still stored."""
    return msgspec.convert(verdicts.runs_of(database, verdict), list[RunSummary])


def read_contents(database: Database, verdict: Verdict, present: Present) -> ExportContents:
    """The contents of a stored verdict's export; raises `StoreError`."""
    entries = verdict_chain.entries(database)
    from_own = [entry for entry in entries if entry.number >= _number(entries, verdict.verdict_id)]
    text, evidence = verdict_chain.stored(database, verdict.verdict_id)
    return ExportContents(
        text,
        msgspec.json.encode(
            ExportedRecord(program=version("fairtrial"), form=FORM, **_parts(database, verdict, present))
        ).decode(),
        evidence,
        chain_text(from_own) if evidence is not None else None,
    )


def _number(entries: Sequence[ChainEntry], verdict_id: str) -> int:
    return next((entry.number for entry in entries if entry.verdict_id == verdict_id), len(entries) + 1)


def integrity(database: Database, verdict_id: str | None = None) -> Integrity:
    """Whether stored rows are as the audit trail and the chain of verdicts recorded them.

    Of one verdict or of all verdicts: the stored texts, their evidence and approvals. In both cases: the audit trail,
    and the transitions, looks, plans and alarms that it covers. An auditor who keeps the heads of the two chains
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
    return Integrity(
        intact=not problems,
        problems=problems,
        verdicts=len(entries),
        without_evidence=stored - len(entries),
        covered=dict(rows.covered),
        uncovered=dict(rows.uncovered),
        head=_head(entries),
        trail_head=trail_head,
    )


def _head(entries: list[ChainEntry]) -> ChainHead | None:
    return ChainHead(number=entries[-1].number, hash=entries[-1].hash) if entries else None


def _trail_head(database: Database) -> ChainHead | None:
    with database.read_cursor() as cursor:
        head = audit.head(cursor)
    return None if head is None else ChainHead(number=head[0], hash=head[1])
