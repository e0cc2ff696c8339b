"""The decision over all findings, and the order in which they are listed."""

from __future__ import annotations

from fairtrial.domain.promises import EXIT_CODES, UNAPPROVED
from fairtrial.domain.verdicts.verdict import Decision, Finding, Result, decide, exit_code, interleave_sources
from tests.fixtures.for_each import for_each


def finding(result: Result, source: str = "s", *, decisive: bool = True) -> Finding:
    return Finding(rule="r", source=source, result=result, says="", decisive=decisive)


@for_each(
    ("results", "decision"),
    [
        (["pass", "pass"], "SHIP"),
        (["pass", "cannot tell"], "HOLD"),
        (["cannot tell", "fail"], "BLOCK"),
        (["fail", "invalid"], "INVALID"),
        ([], "HOLD"),
    ],
)
def test_the_worst_finding_decides(results: list[Result], decision: Decision) -> None:
    assert decide(finding(result) for result in results) == decision


def test_what_is_only_shown_never_decides() -> None:
    assert decide([finding("pass"), finding("fail", decisive=False)]) == "SHIP"
    assert decide([finding("pass", decisive=False)]) == "HOLD"


def test_the_exit_codes_are_those_that_pipelines_know() -> None:
    assert EXIT_CODES == {"SHIP": 0, "BLOCK": 1, "HOLD": 3, "INVALID": 4}
    waiting = {decision: exit_code(decision, ["admin"]) for decision in EXIT_CODES}
    assert waiting == {**EXIT_CODES, "SHIP": UNAPPROVED} and UNAPPROVED not in {*EXIT_CODES.values(), 2}


def test_the_first_findings_speak_for_as_many_suites_as_there_are() -> None:
    findings = [finding("fail", source) for source in ("a", "a", "a", "b", "c", "b")]
    assert [finding.source for finding in interleave_sources(findings)] == ["a", "b", "c", "a", "b", "a"]
