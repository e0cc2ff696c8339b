"""The odds that an identical model would SHIP: by the runs that are there, and before anything was run."""

from __future__ import annotations

import numpy as np
import pytest

from evaluators.gate.file import gate_of
from evaluators.gate.odds import assumed_odds, weakest_floor
from fairtrial.domain.verdicts.verdict import Odds
from tests.fixtures.evaluators.many_rules import RULES, many, scored
from tests.fixtures.evaluators.trials import run, suite, verdict


def told(odds: Odds | None) -> Odds:
    assert odds is not None
    return odds


@pytest.mark.release("simulations")
def test_the_odds_are_those_of_identical_models_with_as_many_differing_cases() -> None:
    n, of, rng = 200, suite("qa not worse than base by 5pp", n=200), np.random.default_rng(2)
    shipped, odds = [], []
    for _ in range(80):
        flips = rng.permutation(n) < 20
        up = rng.random(n) < 0.5
        new, old = np.where(flips, up, True), np.where(flips, ~up, True)
        found = verdict(of, run(of, "tuned", list(new * 1.0)), run(of, "base", list(old * 1.0)))
        shipped.append(found.decision == "SHIP")
        odds.append(told(found.odds).ship)
    assert np.ptp(odds) < 0.06, "they depend on how many differ, not on which way"
    assert np.mean(shipped) == pytest.approx(np.mean(odds), abs=0.13)


def test_they_say_how_many_cases_would_do_and_how_many_differ() -> None:
    of = suite("qa not worse than base by 5pp", n=100)
    new, old = [0.0] * 10 + [1.0] * 90, [1.0] * 10 + [0.0] * 10 + [1.0] * 80
    found = told(verdict(of, run(of, "tuned", new), run(of, "base", old)).odds)
    assert found.discordance.value == pytest.approx(0.2) and found.discordance.low < 0.2 < found.discordance.high
    assert found.more_cases is not None and found.more_cases > 100 and (found.more_ship or 0) >= 0.9
    assert "an identical model would SHIP in about" in str(found) and "20.0 % of the cases differ" in str(found)


def test_more_rules_make_it_rarer() -> None:
    n, rng = 200, np.random.default_rng(3)
    marks = rng.random((n, RULES)) < 0.8
    other = np.where(rng.random((n, RULES)) < 0.1, ~marks, marks)
    fifteen = told(verdict(many(n), scored(many(n), "tuned", other), scored(many(n), "base", marks)).odds)
    one = suite("qa not worse than base by 5pp", n=n)
    alone = verdict(one, run(one, "tuned", list(other[:, 0] * 1.0)), run(one, "base", list(marks[:, 0] * 1.0)))
    assert fifteen.ship < told(alone.odds).ship


def test_before_anything_is_run_shares_are_assumed() -> None:
    ten, twenty = assumed_odds(gate_of(suite("qa not worse than base by 5pp", n=400)).rules)
    assert ten.ship > twenty.ship
    assert str(ten).endswith("(if 10 % of the cases differ)")


def test_without_a_comparing_line_there_are_none() -> None:
    of = suite("qa >= 50%", n=50)
    assert verdict(of, run(of, "tuned", [1.0] * 50), run(of, "base", [1.0] * 50)).odds is None
    assert assumed_odds(gate_of(of).rules) == []


def test_the_weakest_floor_is_told_with_what_to_do() -> None:
    rules = gate_of(suite("qa.accuracy >= 75%", "qa.accuracy >= 90% sure", "qa.f1 >= 75%", n=30)).rules
    told = "'qa.accuracy >= 75%' (30 cases) passes a model at 70 % in 28 of 100 trials"
    assert weakest_floor(rules) == f"{told} (add 'sure', or use about 480 cases)"
    assert weakest_floor(gate_of(suite("qa.accuracy >= 90% sure", n=30)).rules) == ""
