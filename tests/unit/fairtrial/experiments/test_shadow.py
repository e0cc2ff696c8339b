"""The pairs of a shadow are decided by unit, are held by drops, and say their first sentence after thirty."""

from __future__ import annotations

import random
from math import log

import pytest

from fairtrial.experiments.shadow import Drops, UnitMean, decide_shadow

NO_DROPS = Drops(50, 50, 0, 0)


def means(name: str, units: int, baseline: float, candidate: float, *, pairs: int = 1, seed: int = 1) -> list[UnitMean]:
    """Units with shares that vary by chance around two rates."""
    draw = random.Random(seed)
    rows = []
    for _ in range(units):
        b, c = (sum(draw.random() < rate for _ in range(pairs)) / pairs for rate in (baseline, candidate))
        rows.append(UnitMean(name, pairs, b, c, None))
    return rows


def test_a_candidate_that_is_clearly_better_or_worse_is_called_so_by_its_direction() -> None:
    better = decide_shadow(means("format", 200, 0.5, 0.8), NO_DROPS)
    worse = decide_shadow(means("failed", 200, 0.5, 0.8), NO_DROPS)
    (one,), (other,) = better.metrics, worse.metrics
    assert (one.answer, other.answer) == ("better", "worse")
    assert one.low is not None and 0 < one.low < one.difference
    sentence = better.sentence("tuned", "base")
    assert sentence is not None
    assert sentence.startswith("tuned beside base, after 200 pairs of 200 users: format is better, +")


def test_equal_sides_are_not_worse_within_the_margin_only_when_enough_units_came() -> None:
    few = decide_shadow(means("format", 150, 0.9, 0.9), NO_DROPS).metrics[0]
    many = decide_shadow(means("format", 3_000, 0.9, 0.9), NO_DROPS).metrics[0]
    assert (few.answer, many.answer) == ("cannot tell", "not worse")
    assert 300 < int(few.needed.split()[1].replace(",", "")) < 3_000 and many.needed == ""


def test_the_first_sentence_needs_thirty_pairs_and_says_what_a_decision_lacks() -> None:
    assert decide_shadow(means("format", 29, 0.5, 0.9), NO_DROPS).sentence("tuned", "base") is None
    of_few = decide_shadow(means("format", 10, 0.5, 0.9, pairs=3), NO_DROPS)
    assert (
        of_few.sentence("tuned", "base")
        == "tuned beside base, after 30 pairs of 10 users: no difference is proven yet."
    )
    assert "20 more users" in list(of_few.lines("tuned", "base"))[1]


@pytest.mark.parametrize(("seconds", "answer"), [(1.3, "worse"), (0.7, "better")])
def test_latency_is_a_ratio_and_less_is_better(seconds: float, answer: str) -> None:
    draw = random.Random(3)
    rows = [UnitMean("latency", 1, 1.0, seconds, log(seconds) + draw.gauss(0, 0.2)) for _ in range(100)]
    metric = decide_shadow(rows, NO_DROPS).metrics[0]
    assert metric.answer == answer
    assert metric.effect.startswith("+2" if seconds > 1 else "-3")


@pytest.mark.parametrize(
    ("drops", "words"),
    [
        (Drops(500, 500, 30, 30), "6.0 % of the copies were dropped"),
        (Drops(1_000, 1_000, 2, 40), "drops depend on the length: 40 of the longer half"),
        (Drops(1_000, 1_000, 20, 22), ""),
        (Drops(10, 0, 0, 0), ""),
    ],
)
def test_many_drops_and_those_by_length_hold_the_decision(drops: Drops, words: str) -> None:
    decision = decide_shadow(means("format", 200, 0.5, 0.9), drops)
    assert words in decision.held and bool(words) == bool(decision.held)
    sentence = decision.sentence("tuned", "base")
    assert sentence is not None and sentence.startswith("HOLD") == bool(words)
