"""Findings as pictures: the interval and the limit in one unit, on the side that the rule means."""

from __future__ import annotations

from typing import Any

import pytest

from evaluators.comparison.presentation import figures
from fairtrial.api.verdict_answers import Figure
from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.verdicts.verdict import Finding
from tests.fixtures.for_each import for_each


def drawn(rule: str, metric: str, evidence: Any) -> Figure | None:
    drawn_figures = figures((Finding(rule, "s", "pass", "says", "", metric, "", evidence),))
    return drawn_figures[0] if drawn_figures else None


def compared(candidate: float, baseline: float, low: float, high: float) -> Comparison:
    gap = Estimate(candidate - baseline, low, high, 0.9, 100, "m")
    return Comparison("m", "", candidate, baseline, gap, "cannot tell", n=100)


@for_each(
    ("rule", "metric", "evidence", "unit", "limit", "better"),
    [
        (
            "qa.accuracy not worse than base by 5pp",
            "qa.accuracy",
            compared(0.7, 0.8, -0.2, 0.0),
            "points",
            -5.0,
            "higher",
        ),
        ("qa.bleu not worse than base by 2pp", "qa.bleu", compared(40.0, 41.0, -3.0, 1.0), "points", -2.0, "higher"),
        ("errors not worse than base by 1pp", "errors", compared(0.02, 0.01, -0.01, 0.03), "points", 1.0, "lower"),
        (
            "keep.flips not worse than base by 10pp",
            "keep.flips",
            compared(0.3, 0.4, -0.2, 0.0),
            "points",
            10.0,
            "lower",
        ),
        ("qa.accuracy better than base", "qa.accuracy", compared(0.9, 0.8, 0.0, 0.2), "points", 0.0, "higher"),
        (
            "latency.p95 not worse than base by 20%",
            "latency.p95",
            compared(900.0, 1000.0, -200, 50),
            "ms",
            200.0,
            "lower",
        ),
        ("qa.accuracy >= 85%", "qa.accuracy", Estimate(0.9, 0.8, 0.95, 0.95, 100, "Wilson"), "%", 85.0, "higher"),
        ("qa.accuracy >= 0.85", "qa.accuracy", Estimate(0.9, 0.8, 0.95, 0.95, 100, "Wilson"), "%", 85.0, "higher"),
        ("latency.p95 <= 2s", "latency.p95", Estimate(900, 800, 990, 0.95, 100, "b"), "ms", 2000.0, "lower"),
    ],
)
def test_limit_and_interval_are_in_the_same_unit(
    rule: str, metric: str, evidence: Any, unit: str, limit: float, better: str
) -> None:
    figure = drawn(rule, metric, evidence)
    assert figure is not None
    assert (figure.unit, figure.better) == (unit, better)
    assert figure.limit == pytest.approx(limit)
    assert figure.low <= figure.value <= figure.high


def test_what_has_no_interval_is_not_drawn() -> None:
    assert drawn("qa.accuracy >= 85%", "qa.accuracy", NotEnough("none", "cases")) is None
    assert drawn("lost == 0 in critical:yes", "lost", Estimate(0, 0, 0, 1.0, 10, "count")) is None
    assert drawn("not a rule at all", "qa.accuracy", Estimate(0.9, 0.8, 0.95, 0.95, 100, "Wilson")) is None
    assert drawn("qa.accuracy >= 85%", "qa.accuracy", None) is None
