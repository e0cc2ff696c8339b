"""The worst slice of each suite stands in every report of a verdict, also at SHIP, and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping

from evaluators.comparison.worst_slice import RULE
from evaluators.reports import json as json_report
from evaluators.reports import junit, markdown
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial_cli.commands import gate
from tests.fixtures.evaluators.trials import run, suite, verdict

LINE = "qa not worse than base by 20pp"
HARD = range(12)
TAGS = {at: {"difficulty": "hard" if at in HARD else "easy"} for at in range(120)}


def marks(right: set[int], n: int = 120) -> list[float | None]:
    return [float(at in right) for at in range(n)]


def judged(new: set[int], old: set[int], tags: Mapping[int, Mapping[str, str]] = TAGS) -> Verdict:
    of = suite(LINE, tags=tags)
    return verdict(of, run(of, "tuned", marks(new)), run(of, "base", marks(old)))


def worst(found: Verdict) -> list[Finding]:
    return [one for one in found.findings if one.rule == RULE]


def test_a_ship_says_that_no_hard_case_is_right(capsys) -> None:
    easy = set(range(12, 120))
    found = judged(easy, {0, 1} | easy - {50, 51})
    assert found.decision == "SHIP" and found.headline == "SHIP tuned: its only rule holds against base."
    (one,) = worst(found)
    assert not one.decisive and (one.source, one.scope) == ("small", "difficulty:hard")
    says = "small: the worst slice is difficulty:hard, where qa.accuracy is 0 of 12 for tuned and 2 of 12 for base"
    assert one.says == says
    gate._print(found)
    printed = " ".join(capsys.readouterr().out.split())
    for report in (printed, junit.render(found), json_report.render(found)):
        assert says in report
    assert says.replace("_", "\\_") in markdown.render(found)


def test_the_largest_loss_is_named_beside_a_slice_that_is_hard_for_both() -> None:
    tags = {at: {"kind": "hard" if at < 12 else "new" if at < 40 else "easy"} for at in range(120)}
    (one,) = worst(judged({0, *range(25, 120)}, {0, *range(12, 120)}, tags=tags))
    assert one.says == (
        "small: the worst slice is kind:hard, where qa.accuracy is 1 of 12 for tuned and 1 of 12 for base; "
        "the largest loss is in kind:new, where qa.accuracy is 15 of 28 for tuned and 28 of 28 for base"
    )


def test_without_slices_or_with_tiny_ones_nothing_is_named() -> None:
    one_slice = {at: {"kind": "all"} for at in range(120)}
    tiny = {at: {"kind": "rare"} for at in range(4)}
    for tags in ({}, one_slice, tiny):
        of = suite(LINE, tags=tags)
        found = verdict(of, run(of, "tuned", marks(set())), run(of, "base", marks(set())))
        assert worst(found) == []
