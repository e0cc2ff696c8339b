"""Describes a release record as a document: a verdict as it reads now, its evidence, and where it was used."""

from collections.abc import Iterable, Iterator, Sequence

from fairtrial.api import verdicts
from fairtrial.api.experiment_answers import StateChange
from fairtrial.api.verdict_answers import ChainHead, ChainPlace, Figure, RecordParts
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
from fairtrial.domain.verdicts.approvals import Approval, ApprovalState, vote_note
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.domain.verdicts.verdict_wording import (
    VOTED,
    scope_lines,
    standing_word,
    titled,
)
from fairtrial.html_pages import moment

OFFICIAL = "Judged by the gate that the project declares for releases."
BOUNDS = "One-sided 95 % bounds of differences, and 95 % intervals of levels."


def describe_record(
    verdict: Verdict, record: RecordParts, chain: ChainPlace | None, *, end: Iterable[Block] = ()
) -> Document:
    """The release record: how the verdict reads now, what it rests on, where it was used, and ``end``."""
    head = describe_votes(verdict, record)
    blocks: tuple[Block, ...] = (
        *head.blocks,
        *models(verdict),
        *judged(verdict),
        *_figures(verdict.findings, record.figures),
        *evidence(verdict, record),
        *uses(record.releases),
        *integrity(chain, record.trail_head),
        *end,
    )
    return Document(head.title, blocks, head.kind)


def describe_votes(verdict: Verdict, record: RecordParts) -> Document:
    """The beginning of the release record: the decision, everything that limits it, and the approvals."""
    state = record.approvals.state
    reads = titled(record.reads, official=verdict.official)
    blocks: tuple[Block, ...] = (*standing(verdict, record.stale), *approvals(verdict, state))
    title = f"{reads}: {verdict.candidate} against {verdict.baseline}"
    return Document(title, blocks, standing_word(official=verdict.official))


def standing(verdict: Verdict, stale: Iterable[str]) -> Iterator[Block]:
    """Whether the verdict is official, what limits it, and its headline. ``stale``: why it no longer stands."""
    word = standing_word(official=verdict.official).upper()
    yield Sentence(OFFICIAL if verdict.official else f"It can't release anything: {verdict.unofficial_why}.", mark=word)
    yield Sentence(f"Gate {verdict.gate} · judged {moment(verdict.at_us)} · verdict {verdict.verdict_id}", "quiet")
    yield from (Note(f"No longer stands: {reason}", "bad") for reason in stale)
    yield from conflict_notes(verdict)
    yield Sentence(titled(verdict.headline, official=verdict.official))
    yield from map(Sentence, scope_lines(verdict))


def models(verdict: Verdict) -> Iterator[Block]:
    """What candidate and baseline are, and not only their names; nothing for a verdict of an earlier version."""
    provenance = verdict.provenance
    if provenance is None:
        return
    rows = []
    for role, target in (("candidate", verdict.candidate), ("baseline", verdict.baseline)):
        runs = [run for run in provenance.runs if run.target == target]
        model = ", ".join(dict.fromkeys(run.model or NO_MODEL for run in runs)) or NO_MODEL
        weights = ", ".join(dict.fromkeys(run.fingerprint or NO_WEIGHTS for run in runs)) or "no run"
        rows.append(Row((role, target, model, weights, provenance.definitions.get(target, ""))))
    yield Heading("Models")
    columns = ("role", "name", "model string", "fingerprint of the weights", "digest of the definition")
    yield Table(columns, tuple(rows))


def approvals(verdict: Verdict, state: ApprovalState) -> Iterator[Block]:
    """What the gate requires, what of it is missing, and every vote."""
    yield Heading("Approvals")
    roles = ", ".join(verdict.approvers)
    text = f"The gate requires: {roles}." if roles else "The gate requires no approval."
    if verdict.decision != "SHIP":
        text += " Only a SHIP can be approved."
    elif state.waiting:
        text += f" Still missing: {', '.join(state.waiting)} (fairtrial verdict approve {verdict.verdict_id} --why …)."
    elif roles and state.complete:
        text += " All approvals are there."
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


def uses(releases: Sequence[StateChange]) -> Iterator[Block]:
    """The promotions and other changes of experiments that cite the verdict."""
    yield Heading("Where it was used")
    if not releases:
        yield Sentence("No release has used this verdict so far.")
    yield from rows_of(("action", "experiment", "who", "when", "why"), map(_use, releases))


def _use(use: StateChange) -> tuple[str, ...]:
    """The row of a change; a promotion that lacked something says what."""
    missing = f", although something was missing: {'; '.join(use.shown.missing)}"
    action = use.action + (missing if use.shown.override else "")
    return action, use.experiment, use.actor, f"{use.at_time:%Y-%m-%d %H:%M:%S} UTC", use.why


def integrity(chain: ChainPlace | None, trail: ChainHead | None) -> Iterator[Block]:
    """The place in the hash chain, the head of the audit trail, and what checks them."""
    yield Heading("Integrity")
    if chain is None:
        yield Sentence("An earlier version judged this verdict. It has no evidence and no entry in the hash chain.")
        return
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
