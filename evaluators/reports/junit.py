"""Renders JUnit XML for build servers: a test case for each rule of a verdict, or for each case and candidate."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from evaluators.report_content.content import Report, ReportContent, SuiteReport
from fairtrial.domain.verdicts.approvals import ApprovalState
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.domain.verdicts.verdict_wording import approval_lines, scope_lines, titled

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow (§2.2)."""


def render(verdict: Verdict, approvals: ApprovalState | None = None) -> str:
    """A failed rule is a failure of type BLOCK, an undecided rule one of type HOLD, an invalid rule an error.

    Informative findings are skipped tests.
    """
    findings = verdict.findings
    lines = []
    for source, group in groupby(
        sorted(findings, key=lambda finding: finding.source), key=lambda member: member.source
    ):
        lines += _suite(verdict, source, list(group), approvals)
    return _document(verdict.gate, _counts(findings), lines)


def render_content(content: ReportContent) -> str:
    """The rules of the verdict; without one, a lost case is a failure, and an unscored case an error.

    A suite with one run has a failure for each wrong case.
    """
    if content.verdict is not None:
        return render(content.verdict, content.approvals)
    results = [
        (f"{suite.matrix.suite}.{column.target}", suite, at)
        for suite in content.suites
        for at, column in enumerate(suite.matrix.columns)
        if at or len(suite.matrix.columns) == 1
    ]
    lines: list[str] = []
    totals: Counter[str] = Counter()
    for name, suite, column in results:
        counts, cases = _case_results(name, suite, column)
        totals += counts
        lines += [f"  <testsuite name={_quoted(name)} {_attributes(counts)}>", *cases, "  </testsuite>"]
    return _document(content.says, _attributes(totals), lines)


def _case_results(name: str, suite: SuiteReport, column: int) -> tuple[Counter[str], list[str]]:
    lines: list[str] = []
    counts: Counter[str] = Counter(tests=len(suite.cases))
    for case in suite.cases:
        answer = case.answers[column]
        grade = case.grade or (answer.change if answer else None) or "unscored"
        title = case.case_id + (f", repeat {case.repeat + 1}" if case.repeat else "")
        lines.append(f"    <testcase classname={_quoted(name)} name={_quoted(title)}>")
        sentence = f"{suite.metric}: {grade}" + (f"\n{answer.text.words}" if answer else "")
        kind = "error" if grade == "unscored" else "failure" if grade in ("lost", "wrong") else ""
        if kind:
            counts[f"{kind}s"] += 1
            message = _quoted(f"{suite.metric}: {grade}")
            lines.append(f'      <{kind} type="{grade}" message={message}>{_text(sentence)}</{kind}>')
        lines.append("    </testcase>")
    return counts, lines


def _document(name: str, attributes: str, lines: Sequence[str]) -> str:
    head = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites name={_quoted(name)} {attributes}>"]
    return "\n".join([*head, *lines, "</testsuites>"]) + "\n"


def _suite(verdict: Verdict, source: str, findings: Sequence[Finding], approvals: ApprovalState | None) -> list[str]:
    lines = [f"  <testsuite name={_quoted(source)} {_counts(findings)}>"]
    for finding in findings:
        name = finding.rule + (f" [{finding.scope}]" if finding.scope and finding.scope not in finding.rule else "")
        lines.append(f"    <testcase classname={_quoted(f'{verdict.gate}.{source}')} name={_quoted(name)}>")
        lines.append(f"      {_outcome(finding)}")
        lines.append("    </testcase>")
    title = " ".join([titled(verdict.headline, official=verdict.official), *approval_lines(verdict, approvals)])
    text = "\n".join([f"{title} [{verdict.standing}]", *scope_lines(verdict)])
    lines.append(f"    <system-out>{_text(text)}</system-out>")
    lines.append("  </testsuite>")
    return lines


def _outcome(finding: Finding) -> str:
    sentence = finding.says + (f"\nneeded: {finding.needed}" if finding.needed else "")
    if not finding.decisive:
        return f"<skipped message={_quoted(sentence)}/>"
    if finding.result == "pass":
        return f"<system-out>{_text(sentence)}</system-out>"
    if finding.result == "invalid":
        return f'<error type="INVALID" message={_quoted(finding.says)}>{_text(sentence)}</error>'
    kind = "BLOCK" if finding.result == "fail" else "HOLD"
    return f'<failure type="{kind}" message={_quoted(finding.says)}>{_text(sentence)}</failure>'


def _counts(findings: Sequence[Finding]) -> str:
    deciding = [finding for finding in findings if finding.decisive]
    failures = sum(finding.result in ("fail", "cannot tell") for finding in deciding)
    errors = sum(finding.result == "invalid" for finding in deciding)
    skipped = len(findings) - len(deciding)
    return _attributes({"tests": len(findings), "failures": failures, "errors": errors, "skipped": skipped})


def _attributes(counts: Mapping[str, int]) -> str:
    return " ".join(f'{name}="{counts.get(name, 0)}"' for name in ("tests", "failures", "errors", "skipped"))


def _text(text: str) -> str:
    return escape(NOT_XML.sub("\ufffd", text))


def _quoted(text: str) -> str:
    return quoteattr(NOT_XML.sub("\ufffd", text))


report = Report("test cases for build servers", render, render_content)
