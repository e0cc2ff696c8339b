"""Declares the base of all requests, and the parameters of listings: a time window, and a page of its rows."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from fairtrial.domain.limits.constants import END_OF_TIME_US, LARGEST_OFFSET, LARGEST_PAGE

Since = Annotated[int, Meta(ge=0, le=END_OF_TIME_US, description="from, in microseconds since 1970, UTC")]
Until = Annotated[int, Meta(ge=0, le=END_OF_TIME_US, description="until (exclusive)")]
Limit = Annotated[int, Meta(ge=1, le=LARGEST_PAGE)]
Offset = Annotated[int, Meta(ge=0, le=LARGEST_OFFSET)]
Text = Annotated[str, Meta(max_length=200)]


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The base of all requests. Constraints of a field are checked where the request is decoded."""


class TrafficWindow(Request, frozen=True, kw_only=True):
    """A time window of traffic figures: the last week, to the minute, unless there is a start."""

    since_us: Annotated[int, Meta(ge=0, le=END_OF_TIME_US, description="from; 0 means all time")] | None = None
    until_us: Until = END_OF_TIME_US
    limit: Limit = 100
    offset: Offset = 0


class Window(TrafficWindow, frozen=True, kw_only=True):
    """A listing's time window and page."""

    since_us: Since = 0
