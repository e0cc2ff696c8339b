"""Renders Markdown for a comment on a change: the verdict first, then what decided and what changed, then the rest."""

import re
from collections.abc import Iterable, Iterator

from evaluators.comparison.matrix import Row
from evaluators.report_content.content import Report, ReportContent, SuiteReport
from evaluators.report_content.wording import answer, changed_rows, difference, interval, level, shown_texts, with_unit
from fairtrial.domain.answers.signals import BLOCK_TITLE
from fairtrial.domain.verdicts.approvals import ApprovalState
from fairtrial.domain.verdicts.verdict import Finding, Result, Verdict
from fairtrial.domain.verdicts.verdict_wording import (
    NOTABLE,
    approval_lines,
    is_unasked,
    scope_lines,
    titled,
    unasked_lines,
)
from fairtrial.domain.wording import UNADJUSTED, counted, noise_floor_in_words

MARKS: dict[Result, str] = {"invalid": "invalid", "fail": "**fail**", "cannot tell": "cannot tell", "pass": "pass"}
ORDER: tuple[Result, ...] = ("invalid", "fail", "cannot tell", "pass")
MOST_CHANGES = 40
"""How many changed measures of a suite are listed."""
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!@&])")
"""Characters that could start markup, mentions or HTML."""


def render(verdict: Verdict, approvals: ApprovalState | None = None) -> str:
    """The Markdown text; text from models, cases and files is escaped, so that it cannot become markup or a mention."""
    return "\n".join(_lines(verdict, approvals)) + "\n"


def render_content(content: ReportContent) -> str:
    """The verdict, or the answer in one sentence, and then what changed in each suite."""
    lines = (
        [f"## {safe(content.says)}"] if content.verdict is None else list(_lines(content.verdict, content.approvals))
    )
    lines[1:1] = [f"\nNo longer stands: {safe(reason)}" for reason in content.stale]
    for suite in content.suites:
        lines += _suite(suite)
    lines += ["", f"{safe(shown_texts(content.policy, content.masked))}"]
    return "\n".join([*lines, *(safe(note) for note in content.notes)]) + "\n"


def _suite(suite: SuiteReport) -> Iterator[str]:
    """The changes in one suite, and its matrix folded."""
    columns, matrix = suite.matrix.columns, suite.matrix
    against = f" against {columns[0].target}" if len(columns) > 1 else f" on {columns[0].target}"
    yield from ("", f"### {safe(matrix.suite + against)}", "")
    changed = changed_rows(suite)
    yield from (f"- {safe(_changed(suite, row, at))}" for row, at in changed[:MOST_CHANGES])
    if len(changed) > MOST_CHANGES:
        yield f"- … and {len(changed) - MOST_CHANGES:,} more."
    for change in matrix.changes:
        if change.same.n:
            yield f"- {safe(change.same.words(change.target, columns[0].target))}."
        notable = [signal.says.removesuffix(NOTABLE) for signal in change.signals if signal.notable]
        yield from (f"- {safe(f'{change.target}: changed without being asked: {line}')}" for line in notable)
        if change.worst:
            worst = ", ".join(case.case_id for case in change.worst)
            yield f"- {safe(f'{change.target}: changed for the worse most, by {change.metric}: {worst}')}"
    if not changed and len(columns) > 1:
        yield "- No measure is proven better or worse."
    if matrix.noise is not None:
        yield f"- {safe(noise_floor_in_words(matrix.noise.changed, matrix.noise.n, matrix.noise.metric))}"
    if len(matrix.changes) > 1:
        yield from ("", UNADJUSTED)
    yield from ("", "<details><summary>All measures</summary>", "")
    yield "| measure |" + "".join(f" {safe(column.target)} |" for column in columns)
    yield "|---|" + "---|" * len(columns)
    for row in suite.overall:
        cells = [level(row, 0), *(_cell(row, at) for at in range(1, len(columns)))]
        yield f"| {safe(row.metric)} |" + "".join(f" {safe(cell)} |" for cell in cells)
    yield from ("", "</details>", "", "Runs: " + ", ".join(safe(column.run_id) for column in columns))


def _changed(suite: SuiteReport, row: Row, candidate: int) -> str:
    comparison, target = row.comparisons[candidate], suite.matrix.columns[candidate + 1].target
    where = f" in {row.scope}" if row.scope else ""
    return (
        f"{target}: {answer(comparison)} by {row.metric}{where}: {level(row, 0)} → {level(row, candidate + 1)} "
        f"({with_unit(row, comparison)}, 95 % interval {interval(row, comparison)})"
    )


def _cell(row: Row, column: int) -> str:
    comparison = row.comparisons[column - 1]
    shown = difference(row, comparison)
    return f"{level(row, column)}" + (f" ({shown}, {answer(comparison)})" if shown else "")


def _lines(verdict: Verdict, approvals: ApprovalState | None) -> Iterator[str]:
    yield f"## {safe(titled(verdict.headline, official=verdict.official))}"
    yield ""
    yield f"Gate **{safe(verdict.gate)}**: {safe(verdict.candidate)} against {safe(verdict.baseline)}."
    yield f"This verdict is **{'official' if verdict.official else 'unofficial'}**{safe(_why(verdict))}."
    yield from (safe(line) for line in scope_lines(verdict))
    yield from (f"Conflict: {safe(conflict)}" for conflict in verdict.conflicts)
    yield from (safe(line) for line in approval_lines(verdict, approvals))
    if verdict.candidates_judged is not None:
        candidates = counted(verdict.candidates_judged, "candidate")
        yield f"These suites have judged {candidates}, including this one."
    if verdict.odds is not None:
        yield f"With this gate, {safe(str(verdict.odds))}."
    deciding = [finding for finding in verdict.findings if finding.decisive]
    matters = [finding for finding in deciding if finding.result != "pass"]
    if matters:
        yield from ("", "### What decided", "", *_bullets(matters))
    changed = unasked_lines(verdict.findings)
    if changed:
        yield from ("", f"### {BLOCK_TITLE}", "", *(f"- {safe(line)}" for line in changed))
    shown = [finding for finding in verdict.findings if not finding.decisive and not is_unasked(finding)]
    if shown:
        yield from ("", "### For information", "", *(f"- {safe(finding.says)}" for finding in shown))
    passed = sum(finding.result == "pass" for finding in deciding)
    yield from ("", f"<details><summary>{counted(len(deciding), 'rule')}, {passed} passed</summary>", "")
    yield from ("| result | rule | from | found |", "|---|---|---|---|")
    for finding in deciding:
        yield f"| {MARKS[finding.result]} | {safe(_rule(finding))} | {safe(finding.source)} | {safe(finding.says)} |"
    yield from ("", "</details>")
    if verdict.runs:
        yield from ("", "Runs: " + ", ".join(safe(run) for run in verdict.runs))


def _why(verdict: Verdict) -> str:
    _, _, why = verdict.standing.partition(": ")
    return f": {why}" if why else ""


def _bullets(findings: Iterable[Finding]) -> Iterator[str]:
    """The findings, the worst first."""
    for finding in sorted(findings, key=lambda finding: ORDER.index(finding.result)):
        yield f"- {MARKS[finding.result]}: {safe(finding.says)}" + (
            f" *Needed:* {safe(finding.needed)}." if finding.needed else ""
        )


def _rule(finding: Finding) -> str:
    return finding.rule + (f" [{finding.scope}]" if finding.scope and finding.scope not in finding.rule else "")


def safe(text: str) -> str:
    """The text on one line, with all characters escaped that have a meaning in Markdown or HTML."""
    encodable = text.encode("utf-8", "replace").decode()
    escaped = SPECIAL.sub(r"\\\1", " ".join(encodable.split()))
    return escaped.replace(r"\<", "&lt;").replace(r"\>", "&gt;").replace(r"\&", "&amp;").replace(r"\@", "&#64;")


report = Report("a comment for a change: the verdict first", render, render_content)
