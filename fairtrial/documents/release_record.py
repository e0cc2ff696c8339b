"""Describes a release record as a document: a verdict as it reads now, its evidence, and where it was used."""

import json
from collections.abc import Iterable, Iterator, Sequence

from fairtrial.api import verdicts
from fairtrial.api.experiment_answers import StateChange
from fairtrial.api.verdict_answers import ChainPlace, Figure, RecordParts
from fairtrial.document.values import (
    Action,
    Block,
    Chart,
    Document,
    Facts,
    Heading,
    Interval,
    Note,
    Row,
    Sentence,
    Table,
)
from fairtrial.documents.verdict import conflict_notes, judged
from fairtrial.documents.verdict_evidence import NO_MODEL, NO_WEIGHTS, evidence, rows_of
from fairtrial.domain.verdicts.approvals import Approval, ApprovalState, reads_as, vote_note
from fairtrial.domain.verdicts.verdict import Finding, Provenance, Verdict
from fairtrial.domain.verdicts.verdict_wording import (
    VOTED,
    scope_lines,
    standing_word,
    titled,
)
from fairtrial.html_pages import moment

EARLIER = "An earlier version judged it, without a record of what it rests on."
BOUNDS = "One-sided 95 % bounds of differences, and 95 % intervals of levels."


def describe_record(
    verdict: Verdict, record: RecordParts, chain: ChainPlace | None, *, end: Iterable[Block] = ()
) -> Document:
    """The release record: how the verdict reads now, what it rests on, where it was used, and ``end``."""
    head = describe_votes(verdict, record)
    provenance = verdict.provenance
    blocks: tuple[Block, ...] = (
        *head.blocks,
        *(_models(provenance, verdict) if provenance is not None else ()),
        *judged(verdict),
        *_figures(verdict.findings, record.figures),
        *(evidence(provenance, verdict, record.now_us) if provenance is not None else _old_evidence(record)),
        *_uses(record.releases),
        *_integrity(chain, record),
        *end,
    )
    return Document(head.title, blocks, head.kind)


def describe_votes(verdict: Verdict, record: RecordParts) -> Document:
    """The beginning of the release record: the decision, everything that limits it, and the approvals."""
    state = record.approvals.state
    reads = titled(reads_as(verdict.decision, state), official=verdict.official)
    word = standing_word(official=verdict.official)
    blocks: tuple[Block, ...] = (
        Sentence(verdict.unofficial_why, mark=word.upper()),
        Sentence(f"Gate {verdict.gate} · judged {moment(verdict.at_us)} · verdict {verdict.verdict_id}", "quiet"),
        *(Note(f"No longer stands: {reason}", "bad") for reason in record.stale),
        *conflict_notes(verdict),
        Sentence(titled(verdict.headline, official=verdict.official)),
        *map(Sentence, scope_lines(verdict)),
        *_approvals(verdict, state),
    )
    return Document(f"{reads}: {verdict.candidate} against {verdict.baseline}", blocks, word)


def _models(provenance: Provenance, verdict: Verdict) -> Iterator[Block]:
    rows = []
    for role, target in (("candidate", verdict.candidate), ("baseline", verdict.baseline)):
        runs = [run for run in provenance.runs if run.target == target]
        model = ", ".join(dict.fromkeys(run.model or NO_MODEL for run in runs)) or NO_MODEL
        weights = ", ".join(dict.fromkeys(run.fingerprint or NO_WEIGHTS for run in runs)) or "no run"
        rows.append(Row((role, target, model, weights, provenance.definitions.get(target, ""))))
    yield Heading("Models")
    columns = ("role", "name", "model string", "fingerprint of the weights", "digest of the definition")
    yield Table(columns, tuple(rows))


def _approvals(verdict: Verdict, state: ApprovalState) -> Iterator[Block]:
    yield Heading("Approvals")
    roles = ", ".join(verdict.approvers)
    text = f"The gate requires: {roles}." if roles else "The gate requires no approval."
    if verdict.decision != "SHIP":
        text += " Only a SHIP can be approved."
    elif state.waiting:
        text += f" Still missing: {', '.join(state.waiting)} (fairtrial verdict approve {verdict.verdict_id} --why …)."
    yield Sentence(text)
    if state.votes:
        columns = ("vote", "who", "role", "when", "why", "note")
        yield Table(columns, tuple(map(_vote, state.votes)), ("why", "note"))


def _vote(vote: Approval) -> Row:
    note = vote_note(vote.involved, vote.barred, vote.shared_from)
    return Row((VOTED[vote.vote].lower(), vote.actor, vote.role, moment(vote.at_us), vote.why, note))


def _figures(findings: Sequence[Finding], figures: Sequence[Figure]) -> Iterator[Block]:
    if figures:
        yield Heading("Figures")
        yield Chart(("metric", "source", "shows"), tuple(_figure(findings[each.finding], each) for each in figures))
        yield Sentence(BOUNDS, "quiet")


def _figure(finding: Finding, figure: Figure) -> Row:
    name = finding.metric + (f" in {finding.scope}" if finding.scope else "")
    interval = Interval(figure.value, figure.low, figure.high, figure.n, figure.limit, figure.unit)
    return Row((name, finding.source, figure.kind), interval=interval)


def _old_evidence(record: RecordParts) -> Iterator[Block]:
    yield Heading("Evidence")
    yield Note(EARLIER)
    yield from rows_of(("suite", "target", "run"), ((run.suite, run.target, run.run_id) for run in record.runs))


def _uses(releases: Sequence[StateChange]) -> Iterator[Block]:
    yield Heading("Where it was used")
    if not releases:
        yield Sentence("No release has used this verdict so far.")
    yield from rows_of(("action", "experiment", "who", "when", "why"), map(_use, releases))


def _use(use: StateChange) -> tuple[str, ...]:
    """The row of a change; a promotion that lacked something says what."""
    evidence = json.loads(use.evidence or "{}")
    missing = f", although something was missing: {'; '.join(evidence.get('missing', ()))}"
    action = use.action + (missing if evidence.get("override") else "")
    return action, use.experiment, use.actor, f"{use.at_time:%Y-%m-%d %H:%M:%S} UTC", use.why


def _integrity(chain: ChainPlace | None, record: RecordParts) -> Iterator[Block]:
    yield Heading("Integrity")
    if chain is None:
        yield Sentence("An earlier version judged this verdict. It has no evidence and no entry in the hash chain.")
        return
    trail = record.trail_head
    yield Facts.of(
        (
            ("number of the chain entry", chain.number),
            ("verdict", chain.verdict_id),
            ("time", moment(chain.at_us)),
            ("SHA-256 of the verdict", chain.verdict_sha256),
            ("SHA-256 of the evidence", chain.evidence_sha256),
            ("hash of the entry before", chain.previous or "none, because this is the first entry"),
            ("hash of the entry", chain.hash),
            ("HEAD of the chain: number", chain.head.number),
            ("HEAD of the chain: hash", chain.head.hash),
            ("HEAD of the audit trail: number", trail and trail.number),
            ("HEAD of the audit trail: hash", trail and trail.hash),
        )
    )
    request = verdicts.NameVerdict(verdict_id=chain.verdict_id)
    verify, recompute = (f"fairtrial verdict {verb} {chain.verdict_id}" for verb in ("verify", "recompute"))
    yield Action("Check that it is unchanged", verify, verdicts.integrity_of, request)
    yield Action("Judge it again from its evidence", recompute, verdicts.recomputation, request)
