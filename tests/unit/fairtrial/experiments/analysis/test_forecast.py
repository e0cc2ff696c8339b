"""The size that the primary metric still needs, compared with simulated looks and with the sums it comes from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fairtrial.domain.estimates import Estimate, Forecast, NotEnough
from fairtrial.experiments.analysis.findings import find, forecast
from tests.fixtures.experiments.reported_looks import DAY_US, START, analysis_plan, arm, sums


def forecast_of(*arms: object, days: float = 8.0, **more: object) -> Forecast:
    result = forecast(analysis_plan(**more), "tuned", sums(days, *arms))  # type: ignore[arg-type]
    assert isinstance(result, Forecast)
    return result


def test_with_the_needed_units_the_planned_effect_is_found_with_the_stated_power() -> None:
    needed, power = (forecast_now := forecast_of(arm(400, 204), arm(400, 212))).needed, forecast_now.power
    draw, plan = np.random.default_rng(7), analysis_plan()
    shown = 0
    for _ in range(400):
        yes = draw.binomial(needed // 2, (0.5, 0.6))
        (forecast_now,) = [
            finding
            for finding in find(plan, sums(8, *(arm(needed // 2, int(y)) for y in yes)))
            if finding.role == "primary"
        ]
        shown += isinstance(forecast_now.estimate, Estimate) and forecast_now.estimate.low > 0
    assert power - 0.06 <= shown / 400 <= power + 0.06


def test_the_needed_units_do_not_depend_on_how_many_there_are() -> None:
    sizes = [forecast_of(arm(n, n // 2), arm(n, n // 2)) for n in (200, 500, 1000)]
    assert max(size.needed for size in sizes) / min(size.needed for size in sizes) < 1.02
    assert [size.more for size in sizes] == [max(0, size.needed - size.units) for size in sizes]


def test_units_without_feedback_need_more_units() -> None:
    all_give, half_give = (
        forecast_of(arm(600, 300), arm(600, 300)),
        forecast_of(arm(600, 150, given=300), arm(600, 150, given=300)),
    )
    assert 1.9 < half_give.needed / all_give.needed < 2.1


def test_units_with_an_open_window_wait_and_the_time_follows_their_arrival() -> None:
    open_window = replace(arm(300, 150), units=400)
    waiting = forecast_of(open_window, open_window, days=8)
    assert waiting.waiting == 200
    missing = waiting.more - waiting.waiting
    assert waiting.expected_us is not None
    at_us = START + 8 * DAY_US + DAY_US + missing * 8 * DAY_US / 800
    assert abs(waiting.expected_us - at_us) < 1_000_000


def test_nothing_is_forecast_without_a_look_or_a_metric() -> None:
    for plan in (analysis_plan(), analysis_plan(metrics=())):
        assert isinstance(forecast(plan, "tuned", sums(8, arm(10, 5), arm(10, 6))), NotEnough)
