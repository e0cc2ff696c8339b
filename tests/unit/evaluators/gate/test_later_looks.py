"""A later look at a candidate: the bound that holds at all looks together, and the advice that is computed for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluators.gate.file import gate_of
from evaluators.gate.judge import judge
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.estimates import Comparison, Estimate
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from tests.fixtures.evaluators.trials import run, suite
from tests.fixtures.for_each import for_each

LINE = "qa not worse than base by 10pp"


def looked(of: Suite, won: int, lost: int, *, later: bool) -> Verdict:
    n = len(of.cases)
    same = n - won - lost
    new, old = [1.0] * won + [0.0] * lost + [1.0] * same, [0.0] * won + [1.0] * lost + [1.0] * same
    runs = {"tuned": run(of, "tuned", new), "base": run(of, "base", old)}
    seen = frozenset({of.name}) if later else frozenset()
    trial = Trial("tuned", "base", lambda _, name: runs[name], later=seen)
    return judge(gate_of(of), trial, verdict_id="v", at_us=0)


def gap(verdict: Verdict) -> Estimate:
    evidence = verdict.findings[0].evidence
    assert isinstance(evidence, Comparison) and isinstance(evidence.difference, Estimate)
    return evidence.difference


def advised(finding: Finding) -> int:
    """How many more cases the finding asks for."""
    return int(finding.needed.split("about ")[1].split(" ")[0].replace(",", ""))


def test_a_later_look_has_a_wider_interval_that_is_always_valid() -> None:
    of = suite(LINE, n=200)
    first, later = gap(looked(of, 10, 10, later=False)), gap(looked(of, 10, 10, later=True))
    assert later.always_valid and not first.always_valid
    assert later.low < first.low < first.high < later.high


def test_the_advice_of_a_hold_settles_it_at_the_next_look() -> None:
    """About so many cases with the same share of differing ones pass at a later look, with a chance of 80 %."""
    held = looked(suite(LINE, n=40), 3, 3, later=False)
    assert held.decision == "HOLD"
    n, rng = 40 + advised(held.findings[0]), np.random.default_rng(1)
    flips = round(0.15 * n)
    won = rng.binomial(flips, 0.5, size=60)
    shipped = [looked(suite(LINE, n=n), int(count), flips - int(count), later=True).decision == "SHIP" for count in won]
    assert 0.65 <= np.mean(shipped) <= 0.95


def test_the_advice_includes_how_many_cases_must_differ() -> None:
    held = looked(suite("qa not worse than base by 15pp", n=20), 1, 1, later=False).findings[0]
    assert held.result == "cannot tell"
    assert "that counts as a further look, which needs 30 cases of which 10 differ; 2 of 20 do so far" in held.needed
    assert advised(held) == 106  # 20 · 12.5 / 2 cases, of which ten differ with a chance of 80 %
    again = looked(suite("qa not worse than base by 15pp", n=80), 4, 4, later=True).findings[0]
    assert "can't be compared with base: the models differ on only 8 of 80 cases" in again.says
    assert again.needed == "2 more cases on which the models differ"


def test_the_advice_on_a_floor_says_what_the_next_look_needs_of_the_lines_that_compare() -> None:
    """A floor asks for eight more cases. With ten, the comparison that had passed finds too few cases that differ."""
    of = suite("qa >= 80% sure", "qa not worse than base by 30pp", n=20)
    floor, compared = looked(of, 2, 1, later=False).findings[:2]
    assert (floor.result, compared.result, advised(floor)) == ("cannot tell", "pass", 8)
    look = (
        "more cases count as a further look for the lines that compare with the base, which needs 30 cases of which 10 "
    )
    assert floor.needed.endswith(f"; {look}differ; 3 of 20 differ so far on qa.accuracy")
    again = looked(suite(*of.gate, n=30), 3, 2, later=True).findings[1]
    assert "the models differ on only 5 of 30 cases" in again.says
    of = suite("qa >= 96% sure", "qa not worse than base by 30pp", n=200)
    enough = looked(of, 20, 10, later=False).findings[0]
    assert enough.needed.endswith("more cases count as a further look for the lines that compare with the base")


def test_a_failure_that_only_holms_correction_doubts_is_not_advised_that_one_more_case_settles_it() -> None:
    lines = ["qa >= 90%", *(f"qa not worse than base by {margin}pp" for margin in (30, 31, 32))]
    doubted = looked(suite(*lines, n=20), 4, 5, later=False).findings[0]
    assert "may be chance (Holm)" in doubted.says
    assert advised(doubted) == 5  # 6.24 · 0.09 / 0.15² = 25 cases, at the level 0.05 / 4


@for_each(
    ("margin", "won", "lost", "n"), [(25, 0, 2, 20), (15, 1, 1, 20), (5, 1, 0, 20), (10, 9, 9, 60), (5, 20, 21, 150)]
)
def test_so_many_cases_of_the_same_kind_are_decided_at_the_next_look(margin: int, won: int, lost: int, n: int) -> None:
    line = f"qa not worse than base by {margin}pp"
    held = looked(suite(line, n=n), won, lost, later=False).findings[0]
    assert held.result == "cannot tell" and "further look" in held.needed, held
    times = (n + advised(held)) / n
    again = looked(suite(line, n=round(times * n)), round(times * won), round(times * lost), later=True).findings[0]
    assert again.result != "cannot tell", (held.needed, again.says)


def test_no_number_of_cases_is_promised_while_none_differs() -> None:
    held = looked(suite("qa not worse than base by 5pp", n=20), 0, 0, later=False).findings[0]
    assert held.result == "cannot tell"
    assert held.needed.endswith("no case differs from the others, and a further look needs 10 that do")


def test_few_cases_that_differ_are_too_few_for_a_later_look() -> None:
    finding = looked(suite(LINE, n=100), 3, 3, later=True).findings[0]
    assert finding.result == "cannot tell"
    before = "this candidate was compared on this suite before, and a further look needs 30 cases of which 10 differ"
    assert finding.says.endswith(f"the models differ on only 6 of 100 cases; {before}")
    few = looked(suite(LINE, n=20), 3, 3, later=True).findings[0]
    assert few.needed == "10 more cases and 4 more cases on which the models differ"
    most = looked(suite(LINE, n=35), 0, 26, later=True).findings[0]
    assert "all but 9 of 35 cases show the same difference" in most.says
    assert most.needed == "1 more case with another difference"


def test_the_bounds_of_a_later_look_at_a_share_end_at_its_scale_and_say_why_they_are_wide() -> None:
    of = suite("qa not worse than base by 5pp", n=35)
    block = looked(of, 0, 23, later=True)
    assert (block.findings[0].result, gap(block).low) == ("fail", -1.0)
    why = "wider because this candidate was compared on this suite before"
    assert f"bounds −100.0 and −30.6, {why}" in block.findings[0].says
    assert "before" not in looked(of, 0, 23, later=False).findings[0].says


def test_a_later_look_at_a_relative_margin_is_judged_on_its_own_scale() -> None:
    of = suite("qa not worse than base by 10%", n=400)
    assert looked(of, 20, 20, later=True).decision == "SHIP"
    assert looked(of, 20, 60, later=True).decision != "SHIP"


def test_a_clear_loss_blocks_at_a_later_look_too() -> None:
    assert looked(suite(LINE, n=200), 5, 80, later=True).decision == "BLOCK"


def clustered(of: Suite, lost: int, *, later: bool = False) -> Finding:
    """One cluster of 40 cases in 200, and four cases in each other; every fifth of these wins one case, some lose."""
    cases = tuple(replace(case, cluster=str(max(0, i - 36) // 4)) for i, case in enumerate(of.cases))
    of = replace(of, cases=cases)
    new, old = np.ones(200), np.ones(200)
    old[44::20] = 0.0
    new[41 : 41 + 4 * lost : 4] = 0.0
    runs = {"tuned": run(of, "tuned", new.tolist()), "base": run(of, "base", old.tolist())}
    seen = frozenset({of.name}) if later else frozenset()
    trial = Trial("tuned", "base", lambda _, name: runs[name], later=seen)
    return judge(gate_of(of), trial, verdict_id="v", at_us=0).findings[0]


def test_unequal_clusters_are_decided_alike_at_the_first_and_at_later_looks() -> None:
    of = suite(LINE, n=200)
    for lost, result in ((6, "pass"), (16, "cannot tell")):
        first, later = clustered(of, lost), clustered(of, lost, later=True)
        assert first.result == later.result == result
        assert first.evidence == later.evidence and first.says == later.says
