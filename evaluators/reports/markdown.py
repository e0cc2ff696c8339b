"""A verdict as Markdown, for a comment on a change: the verdict, then what matters, then everything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from evaluators.report import Report
from fairtrial.domain.verdict import Finding, Result, Verdict

MARKS: dict[Result, str] = {"invalid": "invalid", "fail": "**fail**", "cannot tell": "cannot tell", "pass": "pass"}
ORDER: tuple[Result, ...] = ("invalid", "fail", "cannot tell", "pass")
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!@&])")
"""Characters that could start markup, a mention or HTML."""


def render(verdict: Verdict) -> str:
    """Text that comes from models, cases or files is escaped, so that it can't become markup, HTML or a mention."""
    return "\n".join(_lines(verdict)) + "\n"


def _lines(verdict: Verdict) -> Iterator[str]:
    yield f"## {safe(verdict.headline)}"
    yield ""
    yield f"Gate **{safe(verdict.gate)}**: {safe(verdict.candidate)} against {safe(verdict.baseline)}."
    if verdict.candidates_judged is not None:
        yield f"These suites have judged {verdict.candidates_judged} candidates, this one included."
    if verdict.odds is not None:
        yield f"By this gate, {safe(str(verdict.odds))}."
    deciding = [one for one in verdict.findings if one.decisive]
    matters = [one for one in deciding if one.result != "pass"]
    if matters:
        yield from ("", "### What decides it", "", *_bullets(matters))
    shown = [one for one in verdict.findings if not one.decisive]
    if shown:
        yield from ("", "### For information", "", *(f"- {safe(one.says)}" for one in shown))
    passed = sum(one.result == "pass" for one in deciding)
    yield from ("", f"<details><summary>All {len(deciding)} rules, {passed} passed</summary>", "")
    yield from ("| result | rule | from | found |", "|---|---|---|---|")
    for one in deciding:
        yield f"| {MARKS[one.result]} | {safe(_rule(one))} | {safe(one.source)} | {safe(one.says)} |"
    yield from ("", "</details>")
    if verdict.runs:
        yield from ("", "Runs: " + ", ".join(safe(run) for run in verdict.runs))


def _bullets(findings: Iterable[Finding]) -> Iterator[str]:
    for one in _worst_first(list(findings)):
        yield f"- {MARKS[one.result]}: {safe(one.says)}" + (f" *Needed:* {safe(one.needed)}." if one.needed else "")


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda one: ORDER.index(one.result))


def _rule(finding: Finding) -> str:
    return finding.rule + (f" [{finding.scope}]" if finding.scope and finding.scope not in finding.rule else "")


def safe(text: str) -> str:
    """The text with every character that Markdown or HTML could take as its own escaped, on one line."""
    encodable = text.encode("utf-8", "replace").decode()
    escaped = SPECIAL.sub(r"\\\1", " ".join(encodable.split()))
    return escaped.replace(r"\<", "&lt;").replace(r"\>", "&gt;").replace(r"\&", "&amp;").replace(r"\@", "&#64;")


report = Report("a comment for a change: the verdict first", render)
