"""Words verdicts for pages, reports and commands: official or not, unrequested changes, and lineage."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Protocol

from fairtrial.domain.answers.signals import METRICS, NOTABLE_RULE
from fairtrial.domain.training_data import PROBLEMS, TrainingEvidence
from fairtrial.domain.verdicts.approvals import ApprovalState, ApprovalVote, approval_state, last_votes, vote_note
from fairtrial.domain.verdicts.verdict import Finding, NegativeControls, Verdict
from fairtrial.domain.wording import counted

UNOFFICIAL = "Unofficial"
EXPERIMENT_SAYS = "what the experiment says"
"""The rule of the answer that an experiment gives without a line of the gate."""
VOTED: Mapping[ApprovalVote, str] = {"approve": "Approved", "reject": "Rejected"}


def titled(words: str, *, official: bool) -> str:
    """``SHIP, waiting for release-manager`` of the official gate, and ``Unofficial SHIP`` of another gate."""
    return words if official else f"{UNOFFICIAL} {words}"


def approval_of(verdict_id: str, roles: Iterable[str]) -> str:
    """``the approval of release-manager (fairtrial verdict approve ID --why …)``, which a verdict needs."""
    return f"the approval of {' and '.join(roles)} (fairtrial verdict approve {verdict_id} --why …)"


def approval_lines(verdict: Verdict, approvals: ApprovalState | None = None) -> Iterator[str]:
    """Sentences on what the approvals of a SHIP still lack, and on each vote; without approvals, nobody has voted."""
    if verdict.decision != "SHIP":
        return
    state = approvals or approval_state(verdict.approvers, ())
    if state.waiting:
        yield f"It waits for {approval_of(verdict.verdict_id, state.waiting)}."
    for vote in last_votes(state.votes):
        day, done = f"{datetime.fromtimestamp(vote.at_us / 1e6, UTC):%d %b %Y}", VOTED[vote.vote]
        note = vote_note(vote.involved, vote.barred, vote.shared_from)
        yield f"{done} on {day} by {vote.actor} ({vote.why}){f', {note}' if note else ''}."


def standing_word(*, official: bool) -> str:
    """``official`` or ``unofficial``, for a column."""
    return "official" if official else UNOFFICIAL.lower()


def is_unasked(finding: Finding) -> bool:
    """Whether the finding is a signal that no line judges."""
    return not finding.decisive and finding.metric in METRICS


def is_in_headline(finding: Finding) -> bool:
    """Whether the headline repeats the finding: the answer of an experiment that decides nothing."""
    return not finding.decisive and finding.rule == EXPERIMENT_SAYS


def scope_lines(verdict: Verdict) -> list[str]:
    """What the verdict's evidence shows and does not show, and what the gate says of replaced answers.

    A verdict of an earlier version has no lines.
    """
    lines = [] if verdict.controls is None else [f"Controls: {controls_words(verdict.controls)}."]
    lines += [f"Form only: {verdict.form_only.rstrip('.')}."] if verdict.form_only else []
    lines += [f"Shown: {verdict.shown}.", f"Not shown: {verdict.not_shown}."] if verdict.shown else []
    return lines + ([f"Cost: {verdict.pays}."] if verdict.pays else [])


def controls_words(controls: NegativeControls) -> str:
    """``shuffled BLOCK, empty BLOCK``: the decisions on answers of other cases, and on empty answers."""
    kinds = {line.kind for line in controls.lines}
    if controls.shuffled is not None:
        return f"shuffled {controls.shuffled}, empty {controls.empty}"
    if "not checked" in kinds:
        return "not checked, because the runs have no scores of replaced answers"
    if kinds <= {"content"}:
        return (
            "none, because people have judged the answers" if kinds else "none, because no line is scored from answers"
        )
    return "too few cases have another answer"


def unasked_lines(findings: Iterable[Finding]) -> list[str]:
    """The block of a report: notable changes, the others of each suite in one line, and the rule; empty without any."""
    return block_lines(finding for finding in findings if is_unasked(finding))


class Change(Protocol):
    """A change of a signal: of a verdict, which names its suite, or of two runs."""

    @property
    def says(self) -> str: ...
    @property
    def short(self) -> str: ...
    @property
    def notable(self) -> bool | None: ...


def block_lines(changes: Iterable[Change]) -> list[str]:
    """The block of a report for these changes; the others than the notable ones have one line for each suite."""
    given, suites = list(changes), dict[str, list[str]]()
    if not given:
        return []
    for change in given:
        if not change.notable:
            where = f" in {change.source}" if isinstance(change, Finding) else ""
            suites.setdefault(where, []).append(change.short)
    others = [f"Not notable{where}: {', '.join(parts)}." for where, parts in suites.items()]
    return [*notable_lines(given), *others, NOTABLE_RULE]


def notable_lines(changes: Iterable[Change]) -> list[str]:
    """A line for each notable one of these changes."""
    return [f"Notable: {change.says}." for change in changes if change.notable]


def lineage_terms(training: TrainingEvidence) -> list[tuple[str, str]]:
    """Names and values of the lineage; only the deployment if it declares none."""
    lineage = training.lineage
    if lineage is None:
        return [("deployment", training.deployment), ("lineage", "the deployment declares none")]
    terms = [
        ("deployment", training.deployment),
        ("trained from", lineage.base),
        ("method", lineage.method),
        ("settings", ", ".join(f"{name} {value}" for name, value in lineage.hyperparameters.items())),
        ("training job", lineage.job or ""),
        ("trained on", lineage.at or ""),
        ("cost of the training", "unknown" if lineage.cost is None else dollars(lineage.cost)),
        ("training log", lineage.log or ""),
    ]
    return [(name, value) for name, value in terms if value]


def data_rows(training: TrainingEvidence) -> list[tuple[str, str, str]]:
    """Path, role and SHA-256 of each file; the digest is known only if a rule of the gate read the audit."""
    present = {(file.role, file.path): file.sha256 or file.wrong for file in training.files}
    named = () if training.lineage is None else training.lineage.files()
    return [(path, role, present.get((role, path), "not read")) for role, path in named]


def audit_sentence(training: TrainingEvidence) -> str:
    """The audit that was judged, with what it found; empty if no rule reads audits."""
    audit = training.audit
    if audit is None:
        return "" if not training.files else "No audit of exactly these files is stored."
    problems = [count for count in audit.counts if count.severity in PROBLEMS]
    counts = [f"{count.check} ({count.severity}, {counted(count.rows, 'row')})" for count in problems]
    at = f"{datetime.fromtimestamp(audit.at_us / 1e6, UTC):%Y-%m-%d %H:%M} UTC"
    took = f"{audit.seconds:.1f} seconds, version {audit.version} of the checks"
    accepted = "".join(f" Waived: {part.says.replace(', waived', '', 1)}." for part in audit.waived)
    found = ", ".join(counts) or "no error and no warning"
    return f"Audit {audit.audit_id} by {audit.actor} on {at} ({took}) finds {found}.{accepted}"


def dollars(amount: float) -> str:
    """An amount of US dollars, such as ``$1,200.50``."""
    return f"${amount:,.2f}"
