"""Slices: a decline in one slice is found inside a whole that wins, and equal slices seldom raise an alarm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.domain.promises import MIN_SLICE_UNITS
from fairtrial.experiments.analysis.slices import SliceSums, find_worse, slice_scale
from fairtrial.experiments.decision.slice_words import slice_effect, slices_sentence, worse_words
from tests.fixtures.experiments.reported_looks import ERRORS, RESOLVED, analysis_plan, arm

N = 600
Rates = dict[str, tuple[float, float]]


def slices(rates: Rates, draw: np.random.Generator, *, n: int = N) -> list[SliceSums]:
    """Units of both arms by language, with these shares of yes in the control and the treatment."""
    names = ("base", "tuned")
    return [
        SliceSums(
            "language",
            language,
            dict.fromkeys(names, n),
            {name: arm(n, int(draw.binomial(n, rate))) for name, rate in zip(names, pair, strict=True)},
        )
        for language, pair in rates.items()
    ]


def test_the_slice_that_loses_is_named_and_no_other() -> None:
    rates = dict.fromkeys(("en", "fr", "es"), (0.6, 0.7)) | {"de": (0.6, 0.4)}
    plan, found = analysis_plan(), find_worse(analysis_plan(), slices(rates, np.random.default_rng(5)))
    assert len(found) == 8, "two metrics in four slices"
    (worse,) = [finding for finding in found if finding.worse]
    assert (worse.value, worse.metric, worse.control.units) == ("de", "feedback.resolved", N)
    assert worse.difference is not None and worse.difference.high is not None and worse.difference.high < 0
    words = worse_words(plan, [worse])
    assert words.startswith("worse by tag (e-BH at 5 %, which decides nothing): language = de: feedback.resolved ")
    assert "tuned is " in words and " points worse (between " in words and words.endswith("600 and 600 users")
    assert slices_sentence(plan, found, small=1) == ("Worse in 1 of 4 slices by tag; 1 more is below 200 users an arm.")


def test_a_metric_that_is_better_when_lower_is_worse_when_it_rises() -> None:
    plan = analysis_plan(metrics=(replace(RESOLVED, better="lower"), ERRORS))
    rates = {"de": (0.3, 0.6), "en": (0.6, 0.3)}
    found = find_worse(plan, slices(rates, np.random.default_rng(5)))
    assert [(finding.value, finding.worse) for finding in found if finding.metric == RESOLVED.metric] == [
        ("de", True), ("en", False)
    ]  # fmt: skip


def test_errors_of_one_slice_are_found() -> None:
    arms = {"base": arm(N, 300, failed=12), "tuned": arm(N, 300, failed=90)}
    found = find_worse(analysis_plan(), [SliceSums("language", "de", {"base": N, "tuned": N}, arms)])
    assert [finding.metric for finding in found if finding.worse] == ["requests.error_rate"]
    assert slice_effect(analysis_plan(), found[1]).startswith("13 points worse (between ")


@pytest.mark.release("stories")
def test_equal_slices_seldom_raise_an_alarm() -> None:
    draw, equal = np.random.default_rng(5), dict.fromkeys("abcdefgh", (0.5, 0.5))
    alarms = sum(any(each.worse for each in find_worse(analysis_plan(), slices(equal, draw))) for _ in range(200))
    assert alarms <= 10


def test_small_slices_are_not_tested_but_count() -> None:
    """One slice of 8 has enough units; with 8 tests instead of one its evidence must be 8 times as large."""
    draw = np.random.default_rng(5)
    large = slices({"de": (0.6, 0.47)}, draw, n=400)
    small = slices(dict.fromkeys("abcdefghijklmnop", (0.6, 0.1)), draw, n=MIN_SLICE_UNITS - 1)
    alone, among = find_worse(analysis_plan(), large), find_worse(analysis_plan(), [*large, *small])
    assert [finding.worse for finding in alone] == [True, False]
    assert [finding.worse for finding in among] == [False, False]
    assert find_worse(analysis_plan(), []) == ()
    assert find_worse(analysis_plan(), small) == ()
    assert slices_sentence(analysis_plan(), (), small=16) == "All 16 slices by tag are below 200 users an arm."


def test_a_slice_without_values_of_a_metric_has_units_and_no_interval() -> None:
    bare = [SliceSums("language", "", {"base": N, "tuned": N},
                      {name: replace(arm(N, 0), metrics={}) for name in ("base", "tuned")})]  # fmt: skip
    (finding, _) = find_worse(analysis_plan(), bare)
    assert (finding.difference, finding.worse, finding.control.level) == (None, False, None)
    assert slice_effect(analysis_plan(), finding) == "no interval yet"


def test_the_scale_of_a_test_does_not_depend_on_the_margin_of_the_experiment() -> None:
    cost = replace(RESOLVED, metric="cost.per_request", method="amount", better="lower", level=None)
    assert slice_scale(RESOLVED) == slice_scale(replace(RESOLVED, margin=0.01)) == 0.1
    assert slice_scale(replace(RESOLVED, within=(1.0, 5.0))) == 0.4
    assert slice_scale(replace(cost, level=0.02)) == 0.002
    assert slice_scale(cost) is None
