"""Renders a verdict as JUnit XML, with a test case for each rule, for build servers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from evaluators.report import Report
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.domain.verdicts.verdict_wording import approval_of, titled

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow (§2.2)."""


def render(verdict: Verdict) -> str:
    """A failed rule is a failure of type BLOCK, an undecided rule one of type HOLD, an invalid rule an error.

    Informative findings are skipped tests.
    """
    findings = verdict.findings
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites name={_quoted(verdict.gate)} {_counts(findings)}>",
    ]
    for source, group in groupby(sorted(findings, key=lambda one: one.source), key=lambda one: one.source):
        lines += _suite(verdict, source, list(group))
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _suite(verdict: Verdict, source: str, findings: Sequence[Finding]) -> list[str]:
    lines = [f"  <testsuite name={_quoted(source)} {_counts(findings)}>"]
    for finding in findings:
        name = finding.rule + (f" [{finding.scope}]" if finding.scope and finding.scope not in finding.rule else "")
        lines.append(f"    <testcase classname={_quoted(f'{verdict.gate}.{source}')} name={_quoted(name)}>")
        lines.append(f"      {_outcome(finding)}")
        lines.append("    </testcase>")
    title = titled(verdict.headline, official=verdict.official)
    if verdict.decision == "SHIP" and verdict.approvers:
        title += f"; it needs {approval_of(verdict.verdict_id, verdict.approvers)}"
    lines.append(f"    <system-out>{_text(f'{title} [{verdict.standing}]')}</system-out>")
    lines.append("  </testsuite>")
    return lines


def _outcome(finding: Finding) -> str:
    says = finding.says + (f"\nneeded: {finding.needed}" if finding.needed else "")
    if not finding.decisive:
        return f"<skipped message={_quoted(says)}/>"
    if finding.result == "pass":
        return f"<system-out>{_text(says)}</system-out>"
    if finding.result == "invalid":
        return f'<error type="INVALID" message={_quoted(finding.says)}>{_text(says)}</error>'
    kind = "BLOCK" if finding.result == "fail" else "HOLD"
    return f'<failure type="{kind}" message={_quoted(finding.says)}>{_text(says)}</failure>'


def _counts(findings: Sequence[Finding]) -> str:
    deciding = [one for one in findings if one.decisive]
    failures = sum(one.result in ("fail", "cannot tell") for one in deciding)
    errors = sum(one.result == "invalid" for one in deciding)
    skipped = len(findings) - len(deciding)
    return f'tests="{len(findings)}" failures="{failures}" errors="{errors}" skipped="{skipped}"'


def _text(text: str) -> str:
    return escape(NOT_XML.sub("\ufffd", text))


def _quoted(text: str) -> str:
    return quoteattr(NOT_XML.sub("\ufffd", text))


report = Report("test cases for build servers", render)
