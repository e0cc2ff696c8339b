"""The odds of a gate: of an identical model, rule by rule, with runs and before any run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluators.criteria.metric_catalogue import of_stat
from evaluators.gate.file import gate_of
from evaluators.gate.odds import GateOdds, assumed_odds, gate_odds, weakest_floor
from evaluators.gate.simulation.score_test import ScoreTest
from evaluators.scoring.scorer import Stat
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.run import Run
from fairtrial.domain.verdicts.odds import Odds
from fairtrial.stats.paired.score_mean import always_valid_mean, score_mean
from tests.fixtures.evaluators.many_rules import RULES, many, scored
from tests.fixtures.evaluators.trials import run, suite, verdict
from tests.fixtures.for_each import for_each


def known(odds: Odds | None) -> Odds:
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
        judgement = verdict(of, run(of, "tuned", list(new * 1.0)), run(of, "base", list(old * 1.0)))
        shipped.append(judgement.decision == "SHIP")
        odds.append(known(judgement.odds).ship)
    assert np.ptp(odds) < 0.06, "they depend on how many differ, not on which way"
    assert np.mean(shipped) == pytest.approx(np.mean(odds), abs=0.13)


def test_they_say_how_many_cases_would_do_and_how_many_differ() -> None:
    of = suite("qa not worse than base by 5pp", n=100)
    new, old = [0.0] * 10 + [1.0] * 90, [1.0] * 10 + [0.0] * 10 + [1.0] * 80
    errors = known(verdict(of, run(of, "tuned", new), run(of, "base", old)).odds)
    assert errors.discordance.value == pytest.approx(0.2) and errors.discordance.low < 0.2 < errors.discordance.high
    assert errors.more_cases is not None and errors.more_cases > 100 and (errors.more_ship or 0) >= 0.9
    assert "an identical model would SHIP in about" in str(errors) and "20.0 % of the cases differ" in str(errors)


def test_more_rules_make_it_rarer() -> None:
    n, rng = 200, np.random.default_rng(3)
    marks = rng.random((n, RULES)) < 0.8
    again = np.where(rng.random((n, RULES)) < 0.1, ~marks, marks)
    fifteen = known(verdict(many(n), scored(many(n), "tuned", again), scored(many(n), "base", marks)).odds)
    single = suite("qa not worse than base by 5pp", n=n)
    alone = verdict(single, run(single, "tuned", list(again[:, 0] * 1.0)), run(single, "base", list(marks[:, 0] * 1.0)))
    assert fifteen.ship < known(alone.odds).ship


def test_before_anything_is_run_shares_are_assumed() -> None:
    ten, twenty = assumed_odds(gate_of(suite("qa not worse than base by 5pp", n=400)).rules)
    assert ten.ship > twenty.ship
    assert str(ten).endswith("(if 10 % of the cases differ)")


def test_without_a_comparing_line_there_are_none() -> None:
    of = suite("qa >= 50%", n=50)
    assert verdict(of, run(of, "tuned", [1.0] * 50), run(of, "base", [1.0] * 50)).odds is None
    assert assumed_odds(gate_of(of).rules) == []


def test_the_weakest_floor_is_named_with_what_to_do() -> None:
    rules = gate_of(suite("qa.accuracy >= 75%", "qa.accuracy >= 90% sure", "qa.f1 >= 75%", n=30)).rules
    sentence = "'qa.accuracy >= 75%' (30 cases) passes a model at 70 % in 28 of 100 trials"
    assert weakest_floor(rules) == f"{sentence} (add 'sure', or use about 480 cases)"
    assert weakest_floor(gate_of(suite("qa.accuracy >= 90% sure", n=30)).rules) == ""


GRADED = of_stat("qa", Stat("f1", "mean"))
LINES = (
    "qa not worse than base by 10pp",
    "qa.f1 not worse than base by 10pp",
    "qa not worse than base by 15pp in kind:odd",
    "qa >= 75%",
    "qa >= 70% sure",
)


def tagged(*lines: str, n: int) -> Suite:
    return suite(*lines, n=n, tags={i: {"kind": "odd" if i % 2 else "even"} for i in range(n)})


def odds(of: Suite, new: Run, old: Run) -> GateOdds:
    runs = {"tuned": new, "base": old}
    rule_odds = gate_odds(gate_of(of).rules, Trial("tuned", "base", lambda _, target: runs[target]))
    assert rule_odds is not None
    return rule_odds


def drawn(of: Suite, rng: np.random.Generator, *, share: float, right: float = 0.8) -> tuple[Run, Run]:
    """Candidate and base that are equally good and differ in this share of the cases on average."""
    n, kind = len(of.cases), rng.random(len(of.cases))
    old = rng.random(n) < right
    new = np.where(kind < share / 2, False, np.where(kind < share, True, old))
    old = np.where(kind < share / 2, True, np.where(kind < share, False, old))
    return run(of, "tuned", list(new * 1.0)), run(of, "base", list(old * 1.0))


@pytest.mark.release("simulations")
def test_the_odds_are_the_share_of_equal_models_that_the_gate_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal models are drawn without the code of the odds, and judged by the gate; 4 standard errors are allowed."""
    of, rng, count = tagged(*LINES, n=100), np.random.default_rng(4), 150
    printed, results = [], []
    monkeypatch.setattr("evaluators.gate.judge.odds_of", lambda rules, trial: None)  # most of the time of a verdict
    for at in range(count):
        new, old = drawn(of, rng, share=0.15)
        judged = verdict(of, new, old)
        results.append([finding.result == "pass" for finding in judged.findings if finding.decisive])
        if at < 12:
            printed.append(odds(of, new, old))
    passed, rules = np.array(results), np.array([[rule.passes for rule in each.rules] for each in printed])
    for share, by_odds in [
        (passed.all(axis=1).mean(), np.mean([each.odds.ship for each in printed])),
        *zip(passed.mean(axis=0), rules.mean(axis=0), strict=True),
    ]:
        between = np.std(rules, axis=0).max() / np.sqrt(12)
        allowed = 4 * np.sqrt(max(by_odds * (1 - by_odds), 0.01) / count + between**2)
        assert share == pytest.approx(by_odds, abs=allowed)
    assert 0.05 < passed.all(axis=1).mean() < 0.95, "a gate that always or never passes would show nothing"


def test_a_verdict_and_the_command_have_the_same_numbers() -> None:
    of = tagged(*LINES, n=60)
    new, old = drawn(of, np.random.default_rng(1), share=0.2)
    assert verdict(of, new, old).odds == odds(of, new, old).odds


def test_the_number_of_differing_cases_varies_between_trials() -> None:
    """With 1 of 30 cases differing and a fixed number of them, the line would always pass."""
    of = suite("qa not worse than base by 15pp", n=30)
    chances = odds(of, run(of, "tuned", [0.0] + [1.0] * 29), run(of, "base", [1.0] * 30))
    assert 0.8 < (chances.rules[0].passes or 0) < 0.99


def test_each_rule_has_its_own_chance_and_the_cases_that_would_raise_it() -> None:
    of = tagged("qa not worse than base by 5pp", "qa not worse than base by 30pp", "qa better than base", n=100)
    new, old = drawn(of, np.random.default_rng(2), share=0.2)
    chances = odds(of, new, old)
    hard, easy, better = chances.rules
    assert (hard.passes or 0) < 0.6 < 0.99 < (easy.passes or 0)
    assert hard.more_cases is not None and hard.more_cases > 100 and (hard.more_passes or 0) >= 0.9
    assert easy.more_cases is None
    assert better.requires_better and (better.passes or 0) < 0.07 and better.more_cases is None
    assert chances.without_better is not None and chances.without_better > chances.odds.ship
    assert chances.error == pytest.approx(np.sqrt(chances.odds.ship * (1 - chances.odds.ship) / chances.trials))


def test_a_model_that_is_worse_by_the_margin_passes_in_about_five_percent() -> None:
    of = suite("qa not worse than base by 10pp", "qa.f1 not worse than base by 10pp", n=200)
    new, old = drawn(of, np.random.default_rng(3), share=0.3)
    for rule in odds(of, new, old).rules:
        assert 0.01 < (rule.worse_passes or 0) < 0.09
        assert rule.twice_passes is not None and rule.twice_passes < 0.01


def test_without_any_differing_case_a_worse_model_loses_only() -> None:
    of = suite("qa not worse than base by 10pp", n=100)
    rule_odds = odds(of, run(of, "tuned", [1.0] * 100), run(of, "base", [1.0] * 100)).rules[0]
    assert rule_odds.passes == 1.0 and rule_odds.worse_passes is not None and rule_odds.worse_passes < 0.09


def test_what_is_not_simulated_is_named() -> None:
    of = suite("qa not worse than base by 10pp", "lost == 0", "latency.p50 <= 2s", "qa better than other", n=40)
    chances = odds(of, run(of, "tuned", [1.0] * 40), run(of, "base", [1.0] * 40))
    assert [rule.taken_as_met for rule in chances.rules] == [
        "",
        "a count",
        "a figure of all cases together",
        "a comparison with other",
    ]
    assert chances.odds.ship == 1.0


def test_a_line_that_requires_more_cases_than_there_are_never_passes() -> None:
    of = suite("qa not worse than base by 10pp with 50 cases", n=40)
    chances = odds(of, run(of, "tuned", [1.0] * 40), run(of, "base", [1.0] * 40))
    assert chances.rules[0].passes == 0.0
    assert chances.rules[0].more_cases == 50


def test_a_ceiling_is_simulated_as_a_ceiling() -> None:
    """Regardless of the measure's own good direction: 10 % of the cases are errors."""
    of = suite("qa not worse than base by 20pp", "errors <= 30%", "errors <= 1%", n=40)
    values = [None] * 4 + [1.0] * 36
    rules = odds(of, run(of, "tuned", values), run(of, "base", values)).rules
    assert (rules[1].passes or 0) > 0.99
    assert (rules[2].passes or 0) < 0.05


@for_each("seed", range(6))
@for_each("clusters", [False, True])
def test_the_score_test_is_the_bound_of_score_mean(seed: int, clusters: bool) -> None:
    """For several limits, the trials pass exactly where the one-sided 95 % bound is above the limit."""
    rng = np.random.default_rng(seed)
    values = rng.choice([-1.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.25, 0.5], 60)
    groups = np.repeat(np.arange(20), 3) if clusters else None
    sums = values if groups is None else np.bincount(groups, weights=values)
    sizes = np.ones(60) if groups is None else np.bincount(groups).astype(float)
    low = score_mean(values, groups, within=(-1, 1), level=0.90).low
    for limit in (low - 0.2, low - 0.02, low - 0.002, low + 0.002, low + 0.02):
        test = ScoreTest(sums, sizes, limit, -1.0, 0.95)
        assert test.passes(np.ones((1, len(sums))))[0] == (low > limit)


def test_runs_that_cannot_be_compared_are_no_evidence() -> None:
    of = suite("qa not worse than base by 5pp", n=40)
    runs = {"tuned": run(of, "tuned", [1.0] * 40), "base": replace(run(of, "base", [1.0] * 40), seed=3)}
    assert gate_odds(gate_of(of).rules, Trial("tuned", "base", lambda _, target: runs[target])) is None


@for_each("seed", range(4))
def test_the_mixture_test_is_the_bound_of_always_valid_mean(seed: int) -> None:
    """For several limits, the trials pass exactly where the bound of unequal clusters is above the limit."""
    rng = np.random.default_rng(seed)
    sizes = np.array([60, 20, *[4] * 38])
    groups, values = np.repeat(np.arange(40), sizes), rng.choice([-1.0, 0.0, 0.0, 0.0, 1.0], sizes.sum())
    sums = np.bincount(groups, weights=values)
    low = always_valid_mean(values, groups, within=(-1, 1), tau=0.1).low
    for limit in (low - 0.2, low - 0.02, low - 0.002, low + 0.002, low + 0.02):
        test = ScoreTest(sums, sizes.astype(float), limit, -1.0, 0.95, tau=0.1)
        assert test.passes(np.ones((1, 40)))[0] == (low > limit)


def test_the_odds_of_block_are_the_share_of_equal_models_that_the_gate_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Near a floor, by units drawn from the same two runs; 4 standard errors are allowed."""
    of, rng, count = suite("qa >= 85%", "qa not worse than base by 10pp", n=60), np.random.default_rng(5), 150
    new, old = drawn(of, rng, share=0.1, right=0.78)
    chances = odds(of, new, old).odds
    monkeypatch.setattr("evaluators.gate.judge.odds_of", lambda rules, trial: None)  # most of the time of a verdict
    sides = np.array([[result.scores["qa"].values["accuracy"] for result in side.results] for side in (new, old)])
    blocked = []
    for _ in range(count):
        at, swap = rng.integers(0, 60, 60), rng.random(60) < 0.5
        first, second = (np.where(swap, sides[1 - side][at], sides[side][at]).tolist() for side in (0, 1))
        blocked.append(verdict(of, run(of, "tuned", first), run(of, "base", second)).decision == "BLOCK")
    assert chances.block is not None and 0.05 < chances.block < 0.95, (
        "one that always or never blocks would show nothing"
    )
    assert np.mean(blocked) == pytest.approx(
        chances.block, abs=4 * np.sqrt(chances.block * (1 - chances.block) / count)
    )
    assert chances.block_low is not None and chances.block_high is not None and chances.ship_low is not None
    assert chances.block_low < chances.block - 0.05 and chances.block + 0.05 < chances.block_high


def test_an_errors_line_that_fails_is_invalid_and_not_a_block() -> None:
    of = suite("qa not worse than base by 20pp", "errors <= 1%", n=40)
    values = [None] * 20 + [1.0] * 20
    chances = odds(of, run(of, "tuned", values), run(of, "base", values)).odds
    assert chances.ship == 0.0 and chances.block == 0.0
