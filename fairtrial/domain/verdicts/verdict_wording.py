"""Words verdicts for pages, reports and commands: official or not, unrequested changes, and lineage."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from fairtrial.domain.answers.signals import METRICS, NOTABLE_RULE
from fairtrial.domain.training_data import PROBLEMS, WaivedCount
from fairtrial.domain.verdicts.approvals import ApprovalState, ApprovalVote, approval_state, last_votes, vote_note
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.domain.wording import counted

UNOFFICIAL = "Unofficial"
NOTABLE = ": notable"
NOT_NOTABLE = ": not notable"
VOTED: Mapping[ApprovalVote, str] = {"approve": "Approved", "reject": "Rejected"}
Row = Mapping[str, Any]


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


class Shown(Protocol):
    """The part of a finding that is needed here."""

    @property
    def metric(self) -> str: ...
    @property
    def says(self) -> str: ...
    @property
    def decisive(self) -> bool: ...


def is_unasked(finding: Shown | Mapping[str, Any]) -> bool:
    """Whether the finding is a signal that no line judges; ``finding`` may be a row of the control API."""
    decisive, metric = _of(finding, "decisive"), _of(finding, "metric")
    return not decisive and metric in METRICS


def scope_lines(verdict: Any) -> list[str]:
    """What the verdict's evidence shows and does not show, and what the gate says of replaced answers.

    ``verdict`` is a `Verdict` or a row of the control API. One of an earlier version has no lines.
    """
    controls, form_only = _given(verdict, "controls"), _given(verdict, "form_only")
    shown, not_shown = _given(verdict, "shown"), _given(verdict, "not_shown")
    lines = [] if controls is None else [f"Controls: {controls_words(controls)}."]
    lines += [f"Form only: {form_only.rstrip('.')}."] if form_only else []
    return lines + ([f"Shown: {shown}.", f"Not shown: {not_shown}."] if shown else [])


def controls_words(controls: Any) -> str:
    """``shuffled BLOCK, empty BLOCK``: the decisions on answers of other cases, and on empty answers."""
    kinds = {_of(line, "kind") for line in _of(controls, "lines")}
    shuffled, empty = _of(controls, "shuffled"), _of(controls, "empty")
    if shuffled is not None:
        return f"shuffled {shuffled}, empty {empty}"
    if "not checked" in kinds:
        return "not checked, because the runs have no scores of replaced answers"
    if kinds <= {"content"}:
        return (
            "none, because people have judged the answers" if kinds else "none, because no line is scored from answers"
        )
    return "too few cases have another answer"


def _given(verdict: Any, name: str) -> Any:
    return verdict.get(name) if isinstance(verdict, Mapping) else getattr(verdict, name)


def unasked_lines(findings: Iterable[Shown | Mapping[str, Any]]) -> list[str]:
    """The block of a report: notable changes, the others of each suite in one line, and the rule; empty without any."""
    return block_lines(str(_of(finding, "says")) for finding in findings if is_unasked(finding))


def block_lines(sentences: Iterable[str]) -> list[str]:
    """The block of a report for sentences of changes, each of which ends with whether it is notable."""
    texts = list(sentences)
    if not texts:
        return []
    others = [text.removesuffix(NOT_NOTABLE).partition(" (")[0] for text in texts if not text.endswith(NOTABLE)]
    return [*(f"Notable: {text}." for text in notable_changes(texts)), *_by_suite(others), NOTABLE_RULE]


def notable_changes(sentences: Iterable[str]) -> list[str]:
    """The notable ones of these sentences of changes, without the word."""
    return [text.removesuffix(NOTABLE) for text in sentences if text.endswith(NOTABLE)]


def _by_suite(sentences: Iterable[str]) -> list[str]:
    """A line for each suite that sentences begin with, or one line if they name none."""
    suites: dict[str, list[str]] = {}
    for sentence in sentences:
        suite, colon, rest = sentence.partition(": ")
        suites.setdefault(f" in {suite}" if colon else "", []).append(rest if colon else sentence)
    return [f"Not notable{where}: {', '.join(parts)}." for where, parts in suites.items()]


def _of(finding: Any, name: str) -> Any:
    return finding[name] if isinstance(finding, Mapping) else getattr(finding, name)


def lineage_terms(training: Row) -> list[tuple[str, str]]:
    """Names and values of the lineage; only the deployment if it declares none."""
    lineage = training["lineage"]
    if lineage is None:
        return [("deployment", training["deployment"]), ("lineage", "the deployment declares none")]
    settings = ", ".join(f"{name} {value}" for name, value in lineage["hyperparameters"].items())
    terms = [
        ("deployment", training["deployment"]),
        ("trained from", lineage["base"]),
        ("method", lineage["method"]),
        ("settings", settings),
        ("training job", lineage["job"] or ""),
        ("trained on", lineage["at"] or ""),
        ("cost of the training", "unknown" if lineage["cost"] is None else dollars(lineage["cost"])),
        ("training log", lineage["log"] or ""),
    ]
    return [(name, value) for name, value in terms if value]


def data_rows(training: Row) -> list[tuple[str, str, str]]:
    """Path, role and SHA-256 of each file; the digest is known only if a rule of the gate read the audit."""
    present = {(file["role"], file["path"]): file["sha256"] or file["wrong"] for file in training["files"]}
    lineage = training["lineage"]
    if lineage is None:
        return []
    named = [(path, role) for role, key in (("train", "data"), ("validation", "validation")) for path in lineage[key]]
    return [(path, role, present.get((role, path), "not read")) for path, role in named]


def audit_sentence(training: Row) -> str:
    """The audit that was judged, with what it found; empty if no rule reads audits."""
    audit = training["audit"]
    if audit is None:
        return "" if not training["files"] else "No audit of exactly these files is stored."
    counts = ", ".join(_counts(audit["counts"])) or "no error and no warning"
    at = f"{datetime.fromtimestamp(audit['at_us'] / 1e6, UTC):%Y-%m-%d %H:%M} UTC"
    took = f"{audit['seconds']:.1f} seconds, version {audit['version']} of the checks"
    waived = msgspec.convert(audit.get("waived", ()), tuple[WaivedCount, ...])  # earlier audits have none
    accepted = "".join(f" Waived: {part.says.replace(', waived', '', 1)}." for part in waived)
    return f"Audit {audit['audit_id']} by {audit['actor']} on {at} ({took}) finds {counts}.{accepted}"


def dollars(amount: float) -> str:
    """An amount of US dollars, such as ``$1,200.50``."""
    return f"${amount:,.2f}"


def _counts(counts: list[Row]) -> Iterator[str]:
    for count in counts:
        if count["severity"] in PROBLEMS:
            yield f"{count['check']} ({count['severity']}, {counted(count['rows'], 'row')})"
