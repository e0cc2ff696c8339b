"""Converts results and errors of operations for commands that open the store themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from fairtrial.domain.errors import RequestError, UsageError

if TYPE_CHECKING:
    from fairtrial.experiments.steady_time import StepTime

Row = dict[str, Any]
ACTOR = "command line"
"""Who changes the store, for the audit trail."""


class Time(Protocol):
    """The time by which decisions wait."""

    def __call__(self) -> StepTime:
        """The time now."""


class Clock(Protocol):
    """Microseconds since 1970, UTC."""

    def __call__(self) -> int:
        """Now."""


@contextmanager
def usage_errors() -> Iterator[None]:
    """Raise errors of operations as `UsageError`."""
    try:
        yield
    except RequestError as error:
        raise UsageError(error.message) from error


def plain(value: Any) -> Row:
    """The value as JSON values."""
    found: Row = msgspec.to_builtins(value)
    return found
