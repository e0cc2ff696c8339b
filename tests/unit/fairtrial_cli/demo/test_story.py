"""The closing table has one line for each verdict and at most three reasons, within eighty columns."""

from __future__ import annotations

from rich.text import Text

from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.verdicts.verdict import Decision, Finding, Verdict
from fairtrial_cli.demo.story import Judged, table_lines


def verdict(decision: Decision, *findings: Finding) -> Verdict:
    return Verdict("id", 1, "support-release", "support-overfit", "base", decision, f"{decision} x", findings)


def floor(rule: str, value: float, result: str = "fail") -> Finding:
    estimate = Estimate(value, value - 0.1, value + 0.1, 0.9, 120, "wilson")
    return Finding(rule, "support-tickets", result, f"{rule} was not met", evidence=estimate)  # type: ignore[arg-type]


def versus(scope: str, result: str) -> Finding:
    rule = f"general.accuracy not worse than base by 12pp in {scope}"
    difference = Estimate(-0.03, -0.066, 0.0, 0.9, 400, "tango")
    found = Comparison("general.accuracy", scope, 0.52, 0.55, difference, "not worse")
    return Finding(rule, "general-kept", result, "long", metric="general.accuracy", scope=scope, evidence=found)  # type: ignore[arg-type]


def lines(decision: Decision, *findings: Finding) -> list[str]:
    return [Text.from_markup(line).plain for line in table_lines([Judged(verdict(decision, *findings), "the gate")])]


def test_a_block_shows_its_failed_rules_and_how_many_there_are() -> None:
    undecided = Finding("errors <= 1%", "edges", "cannot tell", "no run", evidence=NotEnough("no run", "a run"))
    failed = [floor(f"ticket.{name} >= 95%", 0.758) for name in ("intent", "product", "order_id", "urgency")]
    found = lines("BLOCK", *failed, undecided)
    assert found[0] == "BLOCK   support-overfit  the gate: 4 rules failed"
    assert found[1] == "        ✗ ticket.intent >= 95%: 75.8 %"
    assert len(found) == 4


def test_a_ship_shows_that_all_rules_are_met_and_what_was_lost() -> None:
    found = lines("SHIP", floor("schema.valid >= 95%", 1.0, "pass"), versus("kind:arithmetic", "pass"))
    assert found[0] == "SHIP    support-overfit  the gate: all 2 rules are met"
    assert found[1:] == [
        "        ✓ general.accuracy in kind:arithmetic: 55 → 52 %, loss ≤ 6.6 of 12pp",
    ]


def test_a_hold_shows_what_is_missing() -> None:
    reviews = Finding(
        "review.preference not worse than base by 5pp", "gate", "cannot tell", "no votes", "20 more judged pairs"
    )
    assert lines("HOLD", reviews)[1:] == ["        ? review.preference: 20 more judged pairs"]


def test_no_line_is_wider_than_eighty_columns() -> None:
    long = Finding("x.accuracy not worse than base by 5pp", "gate", "cannot tell", "says", "more " * 40)
    found = lines("HOLD", long, versus("family:" + "a" * 80, "cannot tell"), long, long)
    assert max(map(len, found)) <= 80 and len(found) == 4
