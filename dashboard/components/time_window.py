"""The window of time that a page of traffic shows: chosen above it, kept in the address, a week unless one chooses."""

from __future__ import annotations

import time
from collections.abc import Mapping

from dashboard.components import query_params

NAME = "window"
USUAL = "week"
WORDS: Mapping[str, str] = {
    "hour": "the last hour",
    "day": "the last day",
    "week": "the last week",
    "all": "all time",
}
HOURS: Mapping[str, int | None] = {"hour": 1, "day": 24, "week": 168, "all": None}
MINUTE_US = 60_000_000


def choose() -> str:
    """Let the visitor choose; returns the window's name."""
    return (
        query_params.choose("Requests of", list(WORDS), name=NAME, words=lambda one: WORDS[one], usual=USUAL) or USUAL
    )


def since_us(window: str) -> int:
    """When it begins, to the minute: the same question twice in a minute is the same question. 0 is all time."""
    hours = HOURS[window]
    if hours is None:
        return 0
    now_us = time.time_ns() // 1000
    return (now_us - hours * 60 * MINUTE_US) // MINUTE_US * MINUTE_US
