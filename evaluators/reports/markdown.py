"""Renders Markdown for a comment on a change: the verdict first, then what decided and what changed, then the rest."""

from collections.abc import Iterator

from evaluators.report_content.content import Report, ReportContent, SuiteReport
from evaluators.report_content.wording import answer, changed_rows, difference, interval, level, shown_texts, with_unit
from fairtrial.api.comparison_answers import MatrixRow
from fairtrial.document.markdown import markdown, safe
from fairtrial.documents.verdict import describe_verdict
from fairtrial.domain.verdicts.approvals import ApprovalState
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.domain.wording import UNADJUSTED, noise_floor_in_words

MOST_CHANGES = 40
"""How many changed measures of a suite are listed."""


def render(verdict: Verdict, approvals: ApprovalState | None = None) -> str:
    """The Markdown text; text from models, cases and files is escaped, so that it cannot become markup or a mention."""
    return markdown(describe_verdict(verdict, approvals))


def render_content(content: ReportContent) -> str:
    """The verdict, or the answer in one sentence, and then what changed in each suite."""
    lines = [f"## {safe(content.says)}"]
    if content.verdict is not None:
        lines = render(content.verdict, content.approvals).splitlines()
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
        notable = [signal.says for signal in change.signals if signal.notable]
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


def _changed(suite: SuiteReport, row: MatrixRow, candidate: int) -> str:
    comparison, target = row.comparisons[candidate], suite.matrix.columns[candidate + 1].target
    where = f" in {row.scope}" if row.scope else ""
    return (
        f"{target}: {answer(comparison)} by {row.metric}{where}: {level(row, 0)} → {level(row, candidate + 1)} "
        f"({with_unit(row, comparison)}, 95 % interval {interval(row, comparison)})"
    )


def _cell(row: MatrixRow, column: int) -> str:
    comparison = row.comparisons[column - 1]
    shown = difference(row, comparison)
    return f"{level(row, column)}" + (f" ({shown}, {answer(comparison)})" if shown else "")


report = Report("a comment for a change: the verdict first", render, render_content)
