"""Reports: all of a verdict in each form, and nothing in it can break out of its text."""

import json
from xml.etree import ElementTree

import pytest

from evaluators.report_content.content import REPORTS, Report
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.verdicts.verdict import Finding, Verdict

EVIL = "</details><script>alert(1)</script> | **x** @everyone\n# head `c` & ]]> \x00 \ud800"
EVIDENCE = Comparison("qa.f1", "", 0.4, 0.6, Estimate(-0.2, -0.3, -0.1, 0.9, 50, "Tango"), "worse", 2, 12, 50)
VERDICT = Verdict(
    verdict_id="0199", at_us=1, gate="release", candidate="tuned", baseline="base", decision="INVALID",
    headline="INVALID tuned: the evidence is unsound.",
    findings=(
        Finding("qa.f1 not worse than base by 5pp", "small", "fail", "qa.f1 is lower", "", "qa.f1", "", EVIDENCE),
        Finding("errors <= 1%", "small", "invalid", "3 % errors", "run again"),
        Finding("qa >= 1", "small", "cannot tell", f"says {EVIL}", "more"),
        Finding("qa >= 0.1", "other", "pass", "fine"),
        Finding("live.x", "live traffic", "cannot tell", "1 % and 2 %", decisive=False),
    ),
    runs=("r1", "r2"), candidates_judged=3,
)  # fmt: skip


def test_the_three_forms_are_found_in_their_folder() -> None:
    assert REPORTS.names() == ["json", "junit", "markdown"]


@pytest.mark.parametrize("name", ["json", "junit", "markdown"])
def test_every_report_shows_every_finding_and_ends_with_a_newline(name: str) -> None:
    report = REPORTS.get(name)
    assert isinstance(report, Report)
    text = report.render(VERDICT)
    assert text.endswith("\n")
    text.encode()
    for word in ("fine", "3 % errors", "1 % and 2 %"):
        assert word in text


def test_junit_parses_and_has_one_case_for_each_rule() -> None:
    root = ElementTree.fromstring(REPORTS.get("junit").render(VERDICT).encode())
    cases = root.findall(".//testcase")
    assert len(cases) == 5
    assert root.attrib | {"name": ""} == {"name": "", "tests": "5", "failures": "2", "errors": "1", "skipped": "1"}
    assert [element.attrib["type"] for element in root.findall(".//failure")] == ["BLOCK", "HOLD"]
    assert [element.attrib["type"] for element in root.findall(".//error")] == ["INVALID"]
    assert "<script>" in root.findall(".//failure")[1].text


def test_markdown_puts_the_verdict_first_and_then_what_matters_worst_first() -> None:
    lines = REPORTS.get("markdown").render(VERDICT).splitlines()
    assert lines[0] == "## Unofficial INVALID tuned: the evidence is unsound."
    bullets = [line for line in lines if line.startswith("- ")]
    assert [bullet.split(":")[0] for bullet in bullets[:3]] == ["- **invalid**", "- **fail**", "- cannot tell"]


def test_markdown_lets_no_text_become_markup() -> None:
    text = REPORTS.get("markdown").render(VERDICT)
    assert "<script>" not in text
    assert "@everyone" not in text
    assert "**x**" not in text
    assert text.count("</details>") == 1
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 6


def test_json_has_everything_and_the_kind_of_evidence() -> None:
    content = json.loads(REPORTS.get("json").render(VERDICT))
    assert content["exit_code"] == 4
    assert content["findings"][0]["evidence_kind"] == "Comparison"
    assert content["findings"][0]["evidence"]["difference"]["low"] == -0.3
