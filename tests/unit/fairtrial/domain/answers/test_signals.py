"""A case shows a signal only where it departs from what is expected, and all other scores."""

from __future__ import annotations

from fairtrial.domain.answers.signals import departs
from tests.fixtures.for_each import for_each


@for_each(
    ("metric", "value", "shown"),
    [
        ("signals.refused", 1.0, True),
        ("signals.refused", 0.0, False),
        ("signals.format_valid", 0.0, True),
        ("signals.format_valid", 1.0, False),
        ("signals.language_switch", 1.0, True),
        ("signals.characters", 1.0, False),
        ("queue.accuracy", 0.0, True),
        ("judge", None, True),
    ],
)
def test_a_score_is_shown_unless_it_is_a_signal_without_a_departure(
    metric: str, value: float | None, shown: bool
) -> None:
    assert departs({"metric": metric, "value": value}) is shown
