"""Renders a verdict as Markdown for a comment on a change: the headline, then what decided, then all rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from evaluators.report import Report
from fairtrial.domain.answers.signals import BLOCK_TITLE
from fairtrial.domain.verdicts.verdict import Finding, Result, Verdict
from fairtrial.domain.verdicts.verdict_wording import approval_of, is_unasked, titled, unasked_lines
from fairtrial.domain.wording import counted

MARKS: dict[Result, str] = {"invalid": "invalid", "fail": "**fail**", "cannot tell": "cannot tell", "pass": "pass"}
ORDER: tuple[Result, ...] = ("invalid", "fail", "cannot tell", "pass")
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!@&])")
"""Characters that could start markup, mentions or HTML."""


def render(verdict: Verdict) -> str:
    """The Markdown text; text from models, cases and files is escaped, so that it cannot become markup or a mention."""
    return "\n".join(_lines(verdict)) + "\n"


def _lines(verdict: Verdict) -> Iterator[str]:
    yield f"## {safe(titled(verdict.headline, official=verdict.official))}"
    yield ""
    yield f"Gate **{safe(verdict.gate)}**: {safe(verdict.candidate)} against {safe(verdict.baseline)}."
    yield f"This verdict is **{'official' if verdict.official else 'unofficial'}**{safe(_why(verdict))}."
    yield from (f"Conflict: {safe(conflict)}" for conflict in verdict.conflicts)
    if verdict.decision == "SHIP" and verdict.approvers:
        yield f"It needs {safe(approval_of(verdict.verdict_id, verdict.approvers))}."
    if verdict.candidates_judged is not None:
        candidates = counted(verdict.candidates_judged, "candidate")
        yield f"These suites have judged {candidates}, including this one."
    if verdict.odds is not None:
        yield f"With this gate, {safe(str(verdict.odds))}."
    deciding = [one for one in verdict.findings if one.decisive]
    matters = [one for one in deciding if one.result != "pass"]
    if matters:
        yield from ("", "### What decided", "", *_bullets(matters))
    changed = unasked_lines(verdict.findings)
    if changed:
        yield from ("", f"### {BLOCK_TITLE}", "", *(f"- {safe(line)}" for line in changed))
    shown = [one for one in verdict.findings if not one.decisive and not is_unasked(one)]
    if shown:
        yield from ("", "### For information", "", *(f"- {safe(one.says)}" for one in shown))
    passed = sum(one.result == "pass" for one in deciding)
    yield from ("", f"<details><summary>{counted(len(deciding), 'rule')}, {passed} passed</summary>", "")
    yield from ("| result | rule | from | found |", "|---|---|---|---|")
    for one in deciding:
        yield f"| {MARKS[one.result]} | {safe(_rule(one))} | {safe(one.source)} | {safe(one.says)} |"
    yield from ("", "</details>")
    if verdict.runs:
        yield from ("", "Runs: " + ", ".join(safe(run) for run in verdict.runs))


def _why(verdict: Verdict) -> str:
    _, _, why = verdict.standing.partition(": ")
    return f": {why}" if why else ""


def _bullets(findings: Iterable[Finding]) -> Iterator[str]:
    for one in _worst_first(list(findings)):
        yield f"- {MARKS[one.result]}: {safe(one.says)}" + (f" *Needed:* {safe(one.needed)}." if one.needed else "")


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda one: ORDER.index(one.result))


def _rule(finding: Finding) -> str:
    return finding.rule + (f" [{finding.scope}]" if finding.scope and finding.scope not in finding.rule else "")


def safe(text: str) -> str:
    """The text on one line, with all characters escaped that have a meaning in Markdown or HTML."""
    encodable = text.encode("utf-8", "replace").decode()
    escaped = SPECIAL.sub(r"\\\1", " ".join(encodable.split()))
    return escaped.replace(r"\<", "&lt;").replace(r"\>", "&gt;").replace(r"\&", "&amp;").replace(r"\@", "&#64;")


report = Report("a comment for a change: the verdict first", render)
