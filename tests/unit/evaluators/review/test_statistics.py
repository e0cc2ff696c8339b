"""Statistics of votes: how many more reviewers or pairs settle a line, and the power that the how-to promises."""

from __future__ import annotations

import re
from math import sqrt

import pytest
from scipy import stats
from scipy.stats import binom

from evaluators.criteria.validation import PREFERENCE
from evaluators.review.presentation import more_votes
from evaluators.review.statistics import Votes
from fairtrial.domain.estimates import Estimate
from fairtrial.stats.review.preference import least_significant_rate
from tests.fixtures.evaluators.reviews_by_person import queue
from tests.fixtures.paths import ROOT


def votes(people: int, pairs: int) -> Votes:
    return Votes([queue({f"p{at}": [("tie", (4, 4))] * pairs for at in range(people)})])


def estimate(distance: float, half: float) -> Estimate:
    """An estimate at this distance above one half, with half of its 95 % interval."""
    value = 0.5 + distance
    return Estimate(value, value - half, value + half, 0.95, 100, "t")


def reviewers_for(distance: float, error: float, people: int) -> int:
    """The smallest number whose noncentral t-test has about 80 % power, with the error falling as 1 / sqrt(number)."""
    for number in range(people, 1000):
        effect = distance / (error * sqrt(people / number))
        critical = stats.t.ppf(0.975, number - 1)
        if 1 - stats.nct.cdf(critical, number - 1, effect) >= 0.8:
            return number
    raise AssertionError("no number is enough")


@pytest.mark.parametrize("distance", [0.2, 0.12, 0.08, 0.06])
def test_as_many_reviewers_are_advised_as_give_a_t_test_80_percent_power(distance: float) -> None:
    people, error = 6, 0.05
    half = error * float(stats.t.ppf(0.975, people - 1))
    advice = more_votes(estimate(distance, half), 0.5, votes(people, 20), PREFERENCE)
    needed = reviewers_for(distance, error, people) - people
    advised = int(advice.split()[1])
    assert abs(advised - max(needed, 1)) <= 1, advice
    assert advice.endswith("each with as many votes, would settle it")


def test_two_reviewers_are_advised_to_judge_more_pairs() -> None:
    half = 0.1
    advice = more_votes(estimate(0.05, half), 0.5, votes(2, 40), PREFERENCE)
    needed = 40 * (half / 1.959964) ** 2 * (1.959964 + 0.841621) ** 2 / 0.05**2
    assert advice == f"about {round(needed + 0.5) - 40} more judged pairs would settle it"


def test_an_estimate_at_the_limit_or_close_to_it_is_not_settled_by_more_votes() -> None:
    for people, close in ((2, "more votes are unlikely"), (6, "more reviewers are unlikely")):
        assert "exactly at the limit" in more_votes(estimate(0.0, 0.1), 0.5, votes(people, 20), PREFERENCE)
        assert close in more_votes(estimate(0.001, 0.1), 0.5, votes(people, 20), PREFERENCE)


HOW_TO = ROOT / "docs" / "how-to" / "run-a-review.md"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_pairs_that_the_how_to_names_have_eighty_percent_power(place: int) -> None:
    text = " ".join(HOW_TO.read_text(encoding="utf-8").split())
    sentence = text.partition("better than base` passes with 80 % probability")[2].partition("Ties")[0]
    pairs = [int(number) for number in re.findall(r"from (?:about )?(\d+)", sentence)]
    rates = [int(number) / 100 for number in re.findall(r"if (\d+) %", sentence)]
    share, rate, n = least_significant_rate(pairs[place]), rates[place], pairs[place]
    assert len(pairs) == len(rates) == 3 and share is not None
    assert 0.77 < binom.sf(share * n, n, rate) < 0.87  # a whole vote more or less is some points of power
