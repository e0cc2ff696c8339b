"""Describes a verdict as a document: for a terminal, a comment, a report and the beginning of its release record."""

from collections.abc import Iterator, Sequence

from fairtrial.document.values import (
    Block,
    Document,
    Fact,
    Fold,
    Heading,
    Listed,
    Note,
    Row,
    Sentence,
    State,
    Table,
)
from fairtrial.domain.answers.signals import BLOCK_TITLE
from fairtrial.domain.promises import WORST_FIRST
from fairtrial.domain.verdicts.approvals import ApprovalState
from fairtrial.domain.verdicts.verdict import (
    Finding,
    Result,
    Verdict,
)
from fairtrial.domain.verdicts.verdict_wording import (
    approval_lines,
    is_in_headline,
    is_unasked,
    notable_lines,
    scope_lines,
    standing_word,
    titled,
    unasked_lines,
)
from fairtrial.domain.wording import counted

STATES: dict[Result, State] = {"invalid": "bad", "fail": "bad", "cannot tell": "open", "pass": "good"}
DECIDED = "What decided"
LISTS = (Listed(DECIDED, ("bad", "open")), Listed("For information", ("quiet",)))


def describe_verdict(verdict: Verdict, approvals: ApprovalState | None = None) -> Document:
    """The verdict as a comment or a report shows it; without approvals, nobody has voted."""
    kind = standing_word(official=verdict.official)
    return Document(titled(verdict.headline, official=verdict.official), tuple(_whole(verdict, approvals)), kind)


def describe_judgement(verdict: Verdict, approvals: ApprovalState | None = None) -> Document:
    """The verdict as the command shows it that has just requested it: without what repeats the headline."""
    findings = [finding for finding in verdict.findings if not is_in_headline(finding)]
    notable = notable_lines(each for each in verdict.findings if is_unasked(each))
    blocks = (
        *_limits(verdict),
        *_findings(findings),
        *map(Sentence, notable),
        *((Sentence(f"By this gate, {verdict.odds}.", "quiet"),) if verdict.odds is not None else ()),
        *map(Sentence, approval_lines(verdict, approvals)),
    )
    return Document(titled(verdict.headline, official=verdict.official), blocks)


def _whole(verdict: Verdict, approvals: ApprovalState | None) -> Iterator[Block]:
    yield Sentence(f"Gate {verdict.gate}: {verdict.candidate} against {verdict.baseline}.")
    yield from _limits(verdict)
    yield from map(Sentence, approval_lines(verdict, approvals))
    if verdict.candidates_judged is not None:
        candidates = counted(verdict.candidates_judged, "candidate")
        yield Sentence(f"These suites have judged {candidates}, including this one.")
    if verdict.odds is not None:
        yield Sentence(f"With this gate, {verdict.odds}.")
    yield from judged(verdict)
    if verdict.runs:
        yield Sentence(f"Runs: {', '.join(verdict.runs)}", "quiet")


def _limits(verdict: Verdict) -> Iterator[Block]:
    yield Sentence(f"This verdict is {verdict.standing}.")
    yield from map(Sentence, scope_lines(verdict))
    yield from conflict_notes(verdict)


def conflict_notes(verdict: Verdict) -> Iterator[Note]:
    """A note for each two kinds of evidence that disagree."""
    return (Note(f"Conflict: {conflict}", "bad") for conflict in verdict.conflicts)


def judged(verdict: Verdict) -> Iterator[Block]:
    """What decided, then what is only shown, and what changed without being asked."""
    yield from _findings(verdict.findings, DECIDED)
    changes = unasked_lines(verdict.findings)
    if changes:
        yield Heading(BLOCK_TITLE)
    yield from (Sentence(change, item=True) for change in changes)


def _findings(findings: Sequence[Finding], title: str = "") -> Iterator[Block]:
    """A row for each rule, the worst first, and each informative finding; `judged` has the signals."""
    ordered = sorted(findings, key=lambda each: (not each.decisive, WORST_FIRST.index(each.result)))
    rows = tuple(_finding(finding) for finding in ordered if not is_unasked(finding))
    deciding = [finding for finding in findings if finding.decisive]
    passed = sum(finding.result == "pass" for finding in deciding)
    if rows:
        fold = Fold(f"{counted(len(deciding), 'rule')}, {passed} passed", LISTS)
        yield Table(("result", "rule", "source", "finding"), rows, ("finding",), title, fold)


def _finding(finding: Finding) -> Row:
    state: State = STATES[finding.result] if finding.decisive else "quiet"
    scope = f" [{finding.scope}]" if finding.scope and finding.scope not in finding.rule else ""
    result = finding.result if finding.decisive else "shown"
    needed = Fact("Needed", finding.needed) if finding.needed else None
    return Row((result, finding.rule + scope, finding.source, finding.says), state, more=needed)
