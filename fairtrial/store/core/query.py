"""Describes a query before it runs: SQL with bound parameters, a time window, a page, and what is analysed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from fairtrial.api.operation import Window
from fairtrial.domain.limits.constants import END_OF_TIME_US, LARGEST_PAGE

REASONS = "('assigned', 'fallback', 'kill', 'continued')"
ANALYSED = f"enrolled AND reason IN {REASONS}"
"""A condition over columns of `requests`; ``enrolled`` is NULL without an exposure."""
MINUTE = "date_trunc('minute', {first_at})"
"""The time that decides in which window a row lies; it does not depend on how the requests arrived."""
HOUR, DAY = "INTERVAL 1 HOUR", "INTERVAL 24 HOUR"
"""The windows since a unit's first request that is not early."""


@dataclass(frozen=True, slots=True)
class Query:
    """SQL with its parameters; the same query can return rows or an Arrow table."""

    sql: str
    parameters: Sequence[Any] = ()


class Page(Window, frozen=True):
    """A time window from ``since_us`` to before ``until_us`` (microseconds, UTC), and a page of its rows."""

    @property
    def since(self) -> datetime:
        return timestamp(self.since_us)

    @property
    def until(self) -> datetime:
        return timestamp(self.until_us)

    @property
    def is_all_time(self) -> bool:
        return self.since_us == 0 and self.until_us == END_OF_TIME_US

    @property
    def rows(self) -> int:
        return min(self.limit, LARGEST_PAGE)


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page, by time (microseconds, UTC) and id; the next page starts after it.

    Unlike with an offset, every page costs the same, and rows that arrive meanwhile shift nothing.
    """

    at_us: int
    id: str


def after(position: Position | None, page: Page) -> tuple[Page, tuple[object, object]]:
    """The part of the window after ``position``, and the time and id to bind for the row before its first."""
    if position is None:
        return page, (page.until, "")
    left = replace(page, until_us=min(page.until_us, position.at_us + 1))
    return left, (timestamp(position.at_us), position.id)


def timestamp(microseconds: int) -> datetime:
    """A time in the form that the store uses: UTC, without a time zone."""
    whole, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(whole, UTC).replace(tzinfo=None, microsecond=rest)
