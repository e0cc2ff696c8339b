"""The time window of a traffic page, stored in the URL. The default is a week."""

from __future__ import annotations

import time
from collections.abc import Mapping

from dashboard.components import query_params
from fairtrial.domain.limits.constants import MINUTE_US

NAME = "window"
DEFAULT = "week"
WORDS: Mapping[str, str] = {
    "hour": "the last hour",
    "day": "the last day",
    "week": "the last week",
    "all": "all time",
}
HOURS: Mapping[str, int | None] = {"hour": 1, "day": 24, "week": 168, "all": None}


def choose() -> str:
    """Draw the choice; returns the window's name."""
    return (
        query_params.choose("Period", list(WORDS), name=NAME, words=lambda one: WORDS[one], default=DEFAULT) or DEFAULT
    )


def requests_in(window: str) -> str:
    """The start of a caption, such as ``Requests in the last week``."""
    return "All requests" if window == "all" else f"Requests in {WORDS[window]}"


def since_us(window: str) -> int:
    """The start of the window, rounded to the minute so that responses can be cached; 0 means all time."""
    hours = HOURS[window]
    if hours is None:
        return 0
    now_us = time.time_ns() // 1000
    return (now_us - hours * 60 * MINUTE_US) // MINUTE_US * MINUTE_US
