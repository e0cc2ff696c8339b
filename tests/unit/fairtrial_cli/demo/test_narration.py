"""The closing table has one line for each verdict and at most three reasons, within eighty columns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.verdicts.verdict import Decision, Finding, Verdict
from fairtrial_cli.demo import narration as module
from fairtrial_cli.demo.narration import DemoProgress, Judged, table_lines


def verdict(decision: Decision, *findings: Finding) -> Verdict:
    return Verdict("id", 1, "support-release", "support-overfit", "base", decision, f"{decision} x", findings)


def floor(rule: str, value: float, result: str = "fail") -> Finding:
    estimate = Estimate(value, value - 0.1, value + 0.1, 0.9, 120, "wilson")
    return Finding(rule, "support-tickets", result, f"{rule} was not met", evidence=estimate)  # type: ignore[arg-type]


def versus(scope: str, result: str) -> Finding:
    rule = f"general.accuracy not worse than base by 12pp in {scope}"
    difference = Estimate(-0.03, -0.066, 0.0, 0.9, 400, "tango")
    comparison = Comparison("general.accuracy", scope, 0.52, 0.55, difference, "not worse")
    return Finding(rule, "general-kept", result, "long", metric="general.accuracy", scope=scope, evidence=comparison)  # type: ignore[arg-type]


def lines(decision: Decision, *findings: Finding) -> list[str]:
    return [Text.from_markup(line).plain for line in table_lines([Judged(verdict(decision, *findings), "the gate")])]


def test_a_block_shows_its_failed_rules_and_how_many_there_are() -> None:
    undecided = Finding("errors <= 1%", "edges", "cannot tell", "no run", evidence=NotEnough("no run", "a run"))
    failed = [floor(f"ticket.{name} >= 95%", 0.758) for name in ("intent", "product", "order_id", "urgency")]
    printed = lines("BLOCK", *failed, undecided)
    assert printed[0] == "BLOCK   support-overfit  the gate: 4 rules failed"
    assert printed[1] == "        ✗ ticket.intent >= 95%: 75.8 %"
    assert len(printed) == 4


def test_a_ship_shows_that_all_rules_are_met_and_what_was_lost() -> None:
    printed = lines("SHIP", floor("schema.valid >= 95%", 1.0, "pass"), versus("kind:arithmetic", "pass"))
    assert printed[0] == "SHIP    support-overfit  the gate: all 2 rules are met"
    assert printed[1:] == [
        "        ✓ general.accuracy in kind:arithmetic: 55 → 52 %, loss ≤ 6.6 of 12pp",
    ]


def test_a_hold_shows_what_is_missing() -> None:
    reviews = Finding(
        "review.preference not worse than base by 5pp", "gate", "cannot tell", "no votes", "20 more judged pairs"
    )
    assert lines("HOLD", reviews)[1:] == ["        ? review.preference: 20 more judged pairs"]


def test_no_line_is_wider_than_eighty_columns() -> None:
    long = Finding("x.accuracy not worse than base by 5pp", "gate", "cannot tell", "says", "more " * 40)
    printed = lines("HOLD", long, versus("family:" + "a" * 80, "cannot tell"), long, long)
    assert max(map(len, printed)) <= 80 and len(printed) == 4


class Clock:
    """Time that only moves when a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_it_counts_and_estimates_the_time_left_by_the_measured_speed_first() -> None:
    clock = Clock()
    progress = DemoProgress(Console(file=io.StringIO(), width=100), clock)
    progress.expect(120.0, 2.0)
    progress.doing("asking")
    progress.count("answers", 4, 1000, work=4.0)
    assert str(progress) == "asking, answers 4 of 1,000, about 0:58 left"


def test_it_estimates_by_what_was_done_as_soon_as_that_is_enough() -> None:
    clock = Clock()
    progress = DemoProgress(Console(file=io.StringIO(), width=100), clock)
    progress.expect(120.0, 2.0)
    clock.now += 20.0
    progress.count("answers", 20, 120, work=20.0)
    assert progress.speed == 1.0
    assert str(progress).endswith("about 1:40 left")


def test_a_step_forgets_the_counts_of_the_one_before() -> None:
    progress = DemoProgress(Console(file=io.StringIO(), width=100), Clock())
    progress.count("answers", 4, 10)
    progress.doing("judging")
    assert str(progress) == "judging"


def test_without_a_terminal_it_prints_a_line_whenever_it_was_silent_for_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "TICK_SECONDS", 0.01)
    clock, console = Clock(), Console(file=io.StringIO(), width=100)
    with DemoProgress(console, clock) as progress:
        progress.doing("loading")
        clock.now += module.QUIET_SECONDS
        while "0:06  loading" not in shown(console):
            pass
        assert shown(console).count("loading") == 2
