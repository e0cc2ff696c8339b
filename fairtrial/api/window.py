"""Declares the parameters of listings: a time window, and a page of its rows."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from fairtrial.api.operation import Request
from fairtrial.domain.limits.pages import END_OF_TIME_US, LARGEST_OFFSET, LARGEST_PAGE

Since = Annotated[int, Meta(ge=0, le=END_OF_TIME_US, description="from, in microseconds since 1970, UTC")]
Until = Annotated[int, Meta(ge=0, le=END_OF_TIME_US, description="until (exclusive)")]
Limit = Annotated[int, Meta(ge=1, le=LARGEST_PAGE)]
Offset = Annotated[int, Meta(ge=0, le=LARGEST_OFFSET)]
Text = Annotated[str, Meta(max_length=200)]


class TrafficWindow(Request, frozen=True, kw_only=True):
    """A time window of traffic figures: the last week, to the minute, unless there is a start."""

    since_us: Annotated[int, Meta(ge=0, le=END_OF_TIME_US, description="from; 0 means all time")] | None = None
    until_us: Until = END_OF_TIME_US
    limit: Limit = 100
    offset: Offset = 0


class Window(TrafficWindow, frozen=True, kw_only=True):
    """A listing's time window and page."""

    since_us: Since = 0
