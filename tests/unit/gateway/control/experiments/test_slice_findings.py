"""Slices: an effect that is the same everywhere is not unusual, and one that differs in one slice is."""

from __future__ import annotations

import numpy as np

from fairtrial.stats.sums import JointMoments, Moments
from fairtrial.store.traffic.tag_slices import TagSlice
from gateway.control.experiments.slice_findings import slice_findings
from tests.fixtures.experiments.reported_looks import ERRORS, RESOLVED, analysis_plan

N = 1000


def slices(rates: dict[str, tuple[float, float]], draw: np.random.Generator) -> list[TagSlice]:
    """Units of both arms by team, with these shares of yes in the control and the treatment."""
    rows = []
    for team, pair in rates.items():
        for arm, rate in zip(("base", "tuned"), pair, strict=True):
            yes = int(draw.binomial(N, rate))
            rows.append(TagSlice("team", team, arm, N, Moments(N, yes, yes)))
    return rows


def test_chance_alone_seldom_marks_a_slice() -> None:
    draw = np.random.default_rng(5)
    same = dict.fromkeys(("a", "b", "c", "d"), (0.5, 0.6))
    marked = sum(
        any(finding.unusual for finding in slice_findings(analysis_plan(), RESOLVED, slices(same, draw)))
        for _ in range(300)
    )
    assert marked <= 30


def test_a_slice_in_which_the_treatment_is_worse_is_unusual() -> None:
    draw = np.random.default_rng(5)
    rates = dict.fromkeys(("a", "b", "c"), (0.5, 0.62)) | {"d": (0.6, 0.4)}
    findings = slice_findings(analysis_plan(), RESOLVED, slices(rates, draw))
    assert {finding.value for finding in findings if finding.unusual} == {"d"}
    (worst,) = [finding for finding in findings if finding.value == "d"]
    base, tuned = worst.arms
    assert base.rate is not None and tuned.rate is not None and tuned.high is not None and base.low is not None
    assert tuned.high < base.low and (base.units, base.variant) == (N, "base")


def test_a_tag_with_one_value_or_one_arm_has_rates_and_no_mark() -> None:
    draw = np.random.default_rng(5)
    findings = slice_findings(analysis_plan(), RESOLVED, slices({"a": (0.5, 0.9)}, draw))
    assert [finding.unusual for finding in findings] == [False]
    alone = slice_findings(analysis_plan(), RESOLVED, slices({"a": (0.5, 0.9)}, draw)[:1])
    assert len(alone[0].arms) == 1
    assert slice_findings(analysis_plan(), RESOLVED, []) == ()


def test_errors_and_empty_arms_are_shown_without_an_interval_where_there_is_none() -> None:
    errors = JointMoments(50, 0, 50, 0, 50, 0)
    rows = [
        TagSlice("team", "a", "base", 50, errors),
        TagSlice("team", "a", "tuned", 0, JointMoments(0, 0, 0, 0, 0, 0)),
    ]
    (finding,) = slice_findings(analysis_plan(), ERRORS, rows)
    assert (finding.arms[0].rate, finding.arms[0].low) == (0.0, None)
    assert (finding.arms[1].rate, finding.arms[1].units) == (None, 0)
