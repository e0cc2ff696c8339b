"""The page has a row for each whole week, with the effect by week of the experiment and by age of the units."""

from __future__ import annotations

from dashboard.experiments.decision import week_rows

WEEK = {"value": 0.12, "low": 0.0766, "high": 0.1634, "units": 2_000, "weight": 2_000.0}
SAME = {"value": 0.0, "low": None, "high": None, "units": 1, "weight": 1.0}


def test_each_week_has_its_effect_its_interval_and_its_units() -> None:
    primary = {"share": True, "over_time": {"weeks": [WEEK, None], "ages": [WEEK, SAME]}}
    assert week_rows(primary, "user") == [
        {
            "week": 1,
            "of the experiment (points)": "+12 (+7.66 to +16.3), 2,000 users",
            "since a user's first request (points)": "+12 (+7.66 to +16.3), 2,000 users",
        },
        {
            "week": 2,
            "of the experiment (points)": "no data",
            "since a user's first request (points)": "+0, 1 user",
        },
    ]
