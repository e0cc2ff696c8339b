"""Implements the operations on verdicts. Control judges itself and accepts no verdict from a caller.

The gate is imported when an operation needs it, because it loads the statistics.
"""

from typing import Any

import msgspec
from msgspec import structs

from evaluators.report_content.content import REPORTS
from fairtrial.api.operation import Nothing, Window
from fairtrial.api.verdict_answers import (
    AroundVerdict,
    Integrity,
    Recomputation,
    ReleaseRecord,
    ReportFile,
    SavedBy,
    Votes,
)
from fairtrial.api.verdicts import FirstStep, Form, Judge, JudgeVariant, ListVerdicts, NameVerdict, ReportOf, Vote
from fairtrial.config.owner_lock import LOCAL_USER
from fairtrial.domain.errors import FairtrialError, NotAllowed, existing
from fairtrial.domain.verdicts import verdict_json
from fairtrial.domain.verdicts.approvals import approval_state, reads_now
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.experiments.published_state import find_experiment
from fairtrial.html_pages import POLICY
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query
from fairtrial.store.evaluations import verdict_chain, verdicts
from gateway.control.context import Context, EncodedAnswer, Table, page_of
from gateway.control.present import Present
from gateway.control.verdicts.release.approvals import find_verdict, mark_involved, state_of, vote_on_verdict

EXPORT_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin", "cache-control": "no-store"}
ENDINGS: dict[Form, str] = {"json": "json", "junit": "xml", "markdown": "md"}


def listing(context: Context, request: ListVerdicts) -> Any:
    page, chosen = page_of(request), {"gate": request.gate, "candidate": request.candidate}
    table = _table(context, verdicts.listing(page, **chosen))
    if not request.findings:
        return table
    assert table.rows is not None
    whole = {
        verdict.verdict_id: _written(verdict) for verdict in verdicts.with_findings(context.database, page, **chosen)
    }
    return [row | {"verdict": whole[row["verdict_id"]]} for row in table.rows()]


def gates(context: Context, request: Window) -> Table:
    return _table(context, verdicts.newest(page_of(request)))


def one(context: Context, request: NameVerdict) -> msgspec.Raw:
    return _written(_verdict(context, request.verdict_id))


def _written(verdict: Verdict) -> msgspec.Raw:
    """The verdict as its encoding names the kinds of evidence."""
    return msgspec.Raw(verdict_json.encode(verdict))


def judge(context: Context, request: Judge) -> msgspec.Raw:
    from gateway.control.verdicts.judge_candidate import judge_candidate
    from gateway.control.verdicts.provenance import Asked

    context.owner.read_files()
    declared, time = context.owner.declaration(), context.owner.clock.now()
    asker = Asked(declared.plan, context.actor, declared.release_gates, declared.root, time.held)
    return _written(judge_candidate(context.database, request, asker, now_us=time.now_us))


def judge_variant(context: Context, request: JudgeVariant) -> msgspec.Raw:
    from gateway.control.verdicts.release.release_check import request_for_variant

    context.owner.read_files()
    declared = context.owner.declaration()
    experiment = find_experiment(declared.plan, request.name)
    return judge(context, request_for_variant(declared.plan, experiment, request.variant, declared.release_gates))


def first(context: Context, _: Nothing) -> list[FirstStep]:
    from gateway.control.verdicts.first_verdict import first_steps
    from gateway.control.verdicts.provenance import Asked

    declared, url = context.owner.declaration(), context.owner.addresses.gateway_url
    asker = Asked(declared.plan, context.actor, declared.release_gates, declared.root)
    return first_steps(context.database, asker, url or "http://127.0.0.1:8080")


def integrity(context: Context, _: Nothing) -> Integrity:
    from gateway.control.verdicts.release import release_record

    return release_record.integrity(context.database)


def integrity_of(context: Context, request: NameVerdict) -> Integrity:
    from gateway.control.verdicts.release import release_record

    return release_record.integrity(context.database, find_verdict(context.database, request.verdict_id).verdict_id)


def record(context: Context, request: NameVerdict) -> ReleaseRecord:
    from gateway.control.verdicts.release.release_record import release_record

    verdict = find_verdict(context.database, request.verdict_id)
    written = release_record(context.database, verdict, context.present())
    return structs.replace(written, verdict=_written(verdict))


def evidence(context: Context, request: NameVerdict) -> EncodedAnswer:
    from evaluators.results.evidence_table import strict_json_of

    verdict = find_verdict(context.database, request.verdict_id)
    document = existing(verdict_chain.evidence_of(context.database, verdict.verdict_id), "evidence", request.verdict_id)
    return EncodedAnswer(strict_json_of(document).encode())


def export(context: Context, request: NameVerdict) -> EncodedAnswer:
    from gateway.control.verdicts.export_page import render
    from gateway.control.verdicts.release.release_record import read_contents

    verdict = find_verdict(context.database, request.verdict_id)
    html = render(read_contents(context.database, verdict, context.present()))
    policy = f"{POLICY}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return EncodedAnswer(
        html.encode(), "text/html; charset=utf-8", {**EXPORT_HEADERS, "content-security-policy": policy}
    )


def recomputation(context: Context, request: NameVerdict) -> Recomputation:
    from gateway.control.verdicts.recompute import recompute

    return recompute(context.database, request.verdict_id)


def around(context: Context, request: NameVerdict) -> AroundVerdict:
    from evaluators.comparison.presentation import figures
    from gateway.control.verdicts.release.release_record import runs_of

    verdict = _verdict(context, request.verdict_id)
    saved = verdicts.saved_by(context.database, request.verdict_id)
    return AroundVerdict(
        saved=msgspec.convert(saved, SavedBy | None),
        runs=runs_of(context.database, verdict),
        figures=figures(verdict.findings),
    )


def report(context: Context, request: ReportOf) -> ReportFile:
    verdict = _verdict(context, request.verdict_id)
    text = REPORTS.get(request.form).render(verdict, state_of(context.database, verdict))
    return ReportFile(file=f"verdict-{request.verdict_id}.{ENDINGS[request.form]}", text=text)


def vote(context: Context, request: Vote) -> Votes:
    from gateway.control.verdicts.release.release_record import votes_of

    actor, caller = context.actor, context.caller
    if not caller.is_person and not actor.startswith(LOCAL_USER):
        raise NotAllowed("verdicts are approved by people: sign in instead of using an API key")
    voter, now_us = (actor, caller.role), context.owner.clock.now().stamp_us
    vote = vote_on_verdict(context.database, request.verdict_id, request.vote, voter, why=request.why, now_us=now_us)
    return Votes(**votes_of(vote))


def _table(context: Context, query: Query) -> Table:
    """A listing whose JSON rows also have ``reads`` and ``stale``."""
    return Table(query, lambda: verdict_rows(context.database, query, _present_or_none(context)))


def _present_or_none(context: Context) -> Present | None:
    """What is true now; ``None`` if no plan is valid yet."""
    try:
        return context.present()
    except FairtrialError:
        return None


def _verdict(context: Context, verdict_id: str) -> Verdict:
    return existing(verdicts.find(context.database, verdict_id), "verdict", verdict_id)


def verdict_rows(database: Database, query: Query, present: Present | None) -> list[dict[str, Any]]:
    """The rows, each with ``reads``, such as ``SHIP, waiting for release-manager``, and ``stale``, the reasons.

    Only an official SHIP is checked, because nothing is released by another verdict. Without ``present``, as before a
    plan is published, none is. Raises `StoreError`.
    """
    rows = database.dicts(query)
    votes = verdicts.votes(database, [row["verdict_id"] for row in rows])
    for row in rows:
        cast, row["stale"] = votes.get(row["verdict_id"], ()), []
        ships = row["decision"] == "SHIP" and row["official"] and present is not None
        verdict = verdicts.find(database, row["verdict_id"]) if cast or ships else None
        if verdict is not None:
            cast = mark_involved(database, verdict, cast)
            row["stale"] = _stale(database, verdict, present) if ships and present is not None else []
        state = approval_state(row["approvers"], cast)
        row["approval"] = state.standing if row["decision"] == "SHIP" and row["official"] else None
        row["reads"] = reads_now(row["decision"], state, stale=bool(row["stale"]))
    return rows


def _stale(database: Database, verdict: Verdict, present: Present) -> list[str]:
    from gateway.control.verdicts.staleness import stale_reasons  # loads the statistics

    return list(stale_reasons(database, verdict, present))
