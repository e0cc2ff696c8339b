"""The pairs that the how-to says a preference takes are those with which the gate's rule finds it in four of five."""

import re

import pytest
from scipy.stats import binom

from fairtrial.stats.review.preference import least_significant_rate
from tests.fixtures.paths import ROOT

HOW_TO = ROOT / "docs" / "how-to" / "run-a-review.md"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_pairs_that_the_how_to_names_have_eighty_percent_power(place: int) -> None:
    text = " ".join(HOW_TO.read_text(encoding="utf-8").split())
    sentence = text.partition("better than base` passes with 80 % probability")[2].partition("Ties")[0]
    pairs = [int(found) for found in re.findall(r"from (?:about )?(\d+)", sentence)]
    rates = [int(found) / 100 for found in re.findall(r"if (\d+) %", sentence)]
    share, rate, n = least_significant_rate(pairs[place]), rates[place], pairs[place]
    assert len(pairs) == len(rates) == 3 and share is not None
    assert 0.77 < binom.sf(share * n, n, rate) < 0.87  # a whole vote more or less is some points of power
