"""The page has a row for each whole week, with the effect by week of the experiment and by age of the units."""

from __future__ import annotations

from dashboard.experiments.decision import week_rows
from fairtrial.domain.decision.values import EffectOverTime, WeekEffect
from tests.fixtures.experiments.shown_decision import shown_primary

WEEK = WeekEffect(0.12, 0.0766, 0.1634, 2_000, 2_000.0)
SAME = WeekEffect(0.0, None, None, 1, 1.0)


def test_each_week_has_its_effect_its_interval_and_its_units() -> None:
    weeks = EffectOverTime((WEEK, None), (WEEK, SAME), None, fades=False, holds=False)
    assert week_rows(shown_primary(), weeks, "user") == [
        {
            "week": 1,
            "of the experiment (points)": "+12.0 (+7.7 to +16.3), 2,000 users",
            "since a user's first request (points)": "+12.0 (+7.7 to +16.3), 2,000 users",
        },
        {
            "week": 2,
            "of the experiment (points)": "no data",
            "since a user's first request (points)": "+0.0, 1 user",
        },
    ]
