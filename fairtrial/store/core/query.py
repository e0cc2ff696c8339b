"""A listing before it is asked: SQL with its bound parameters, bounded in time and paged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

LARGEST_PAGE = 10_000
LARGEST_OFFSET = 10**12
END_OF_TIME_US = 4_102_444_800_000_000
"""The year 2100: an open end."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to ask; the same query answers as rows and as an Arrow table."""

    sql: str
    parameters: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A window of time, from ``since_us`` until before ``until_us`` (microseconds, UTC), and a page of its rows."""

    since_us: int = 0
    until_us: int = END_OF_TIME_US
    limit: int = 100
    offset: int = 0

    @property
    def since(self) -> datetime:
        return at(self.since_us)

    @property
    def until(self) -> datetime:
        return at(self.until_us)

    @property
    def is_all_time(self) -> bool:
        return self.since_us == 0 and self.until_us == END_OF_TIME_US

    @property
    def rows(self) -> int:
        return min(self.limit, LARGEST_PAGE)


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page, by its time (microseconds, UTC) and its id: the next page of a listing begins after it.

    Unlike an offset it costs the same on every page, and rows that come meanwhile move nothing.
    """

    at_us: int
    id: str


def after(position: Position | None, page: Page) -> tuple[Page, tuple[object, object]]:
    """The window that is left after ``position``, and the time and id of the row before its first, to be bound."""
    if position is None:
        return page, (page.until, "")
    left = replace(page, until_us=min(page.until_us, position.at_us + 1))
    return left, (at(position.at_us), position.id)


def at(microseconds: int) -> datetime:
    """A time as the store keeps it: UTC, without a zone."""
    whole, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(whole, UTC).replace(tzinfo=None, microsecond=rest)


def microseconds(time: datetime) -> int:
    """The inverse of `at`."""
    delta = time.replace(tzinfo=UTC) - datetime.fromtimestamp(0, UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def aware(value: Any) -> Any:
    """A time with its zone, and anything else as it is."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
