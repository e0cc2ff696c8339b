"""Levels, differences, times and durations in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fairtrial.domain.wording import duration_words, moment_words
from fairtrial.experiments.methods.finding import bare_size, goodness, level_words, size_words
from fairtrial.experiments.metric_plan import MetricPlan
from tests.fixtures.experiments.reported_looks import DAY_US, ERRORS, RESOLVED, START
from tests.fixtures.for_each import for_each

LATENCY = replace(ERRORS, metric="requests.latency_p95", method="quantile")
COST = replace(ERRORS, metric="cost.per_unit", method="amount", within=(0.0, 1.0))
STARS = replace(RESOLVED, metric="feedback.stars", within=(1.0, 5.0))


@for_each(
    ("metric", "value", "level", "size", "bare"),
    [
        (RESOLVED, 0.612, "61.2 %", "61.2 points", "61.2"),
        (RESOLVED, -0.01, "-1 %", "1 point", "−1"),
        (RESOLVED, 0.0004, "0.04 %", "0.04 points", "0.04"),
        (RESOLVED, 0.0, "0 %", "0 points", "0"),
        (LATENCY, 1234.4, "1,234 ms", "1,234 ms", "1,234 ms"),
        (COST, 0.0042, "$0.0042", "$0.0042", "$0.0042"),
        (STARS, 4.25, "4.25", "4.25", "4.25"),
    ],
)
def test_a_value_has_its_unit(metric: MetricPlan, value: float, level: str, size: str, bare: str) -> None:
    assert (level_words(value, metric), size_words(value, metric), bare_size(value, metric)) == (level, size, bare)


def test_unknown_and_infinite_levels_are_stated() -> None:
    assert level_words(None, RESOLVED) == "unknown"
    assert level_words(float("inf"), LATENCY) == "no finite value"


def test_goodness_follows_the_metric() -> None:
    assert (goodness(0.1, RESOLVED), goodness(0.1, ERRORS)) == (0.1, -0.1)


@pytest.mark.parametrize(
    ("days", "words"), [(2, "Sunday 08:00 UTC"), (-1, "14 Jan 2027, 08:00 UTC"), (7, "22 Jan 2027, 08:00 UTC")]
)
def test_a_moment_within_the_week_is_a_weekday(days: int, words: str) -> None:
    assert moment_words(START + days * DAY_US, now_us=START) == words


@for_each(
    ("seconds", "words"),
    [(0.2, "1 s"), (59, "59 s"), (60, "1 min"), (12_000, "3 h 20 min"), (7200, "2 h"), (90_000, "1 day 1 h"),
     (172_800, "2 days")],
)  # fmt: skip
def test_a_duration_is_short(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words
