"""Sums are stored as JSON, and their sizes grow with the data."""

from __future__ import annotations

import json

import pytest

from fairtrial.domain.metrics import Method
from fairtrial.experiments.sums import MetricSums, restored, stored
from tests.fixtures.experiments.frozen_plans import (
    COST,
    ERRORS,
    LATENCY,
    RESOLVED,
    answers,
    failing,
    spent,
    sums,
    waited,
)
from tests.fixtures.for_each import for_each

EACH: list[tuple[Method, MetricSums]] = [
    ("events", failing(100, 3)),
    ("amount", spent(100, above=2)),
    ("quantile", waited(1_000)),
    ("feedback", answers(100, 60, 40)),
    ("given", answers(100, 100, 60)),
]


@for_each(("method", "metric_sums"), EACH)
def test_sums_survive_being_stored_as_json(method: Method, metric_sums: MetricSums) -> None:
    assert restored(method, json.loads(json.dumps(stored(metric_sums)))) == metric_sums


def test_impossible_sums_are_not_restored() -> None:
    fields = stored(failing(100, 3))
    with pytest.raises(ValueError, match="impossible errors"):
        restored("events", fields | {"users": 101})


def test_sizes_count_units_requests_and_feedback() -> None:
    both_arms = sums(
        0,
        units=500,
        errors=(failing(400, 3, requests=5), failing(300, 0)),
        resolved=(answers(200, 100, 50), answers(200, 90, 50)),
        cost=(spent(70), None),
        latency=(waited(1_000), None),
    ).sizes()
    assert both_arms["", "base"] == 500
    assert (both_arms[ERRORS, "base"], both_arms[ERRORS, "tuned"]) == (2_800, 900)
    assert (both_arms[RESOLVED, "base"], both_arms[RESOLVED, "tuned"]) == (300, 290)
    assert (both_arms[COST, "base"], both_arms[LATENCY, "base"]) == (70, 1_000)
    assert (COST, "tuned") not in both_arms
