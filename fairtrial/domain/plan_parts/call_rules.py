"""Defines how a deployment is called: how long to wait, when to try again, and when not to call it.

These are sections of `fairtrial.yaml` and parts of the plan alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from fairtrial.domain.plan_parts.field_marks import ADDED_LATER
from fairtrial.domain.plan_parts.setting_types import Converted, Level, Seconds

BreakerState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts, in seconds."""

    connect: Seconds = 5.0
    """Seconds to establish a connection."""
    first_byte: Seconds = 600.0
    """Seconds from the request to the first byte of the answer."""
    idle: Seconds = 600.0
    """Seconds between two bytes of an answer."""
    total: Seconds = 3600.0
    """Seconds for the whole answer."""
    failover: Seconds = field(default=90.0, metadata=ADDED_LATER)
    """Seconds to the first byte after which the next fallback is asked instead, where there is one."""

    # The defaults are at least as long as the official client's, which waits ten minutes for a reasoning model.


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """When each worker stops calling a deployment that fails."""

    failures: Annotated[int, Ge(0)] = 5
    """Failures in a row to connect or to answer in time, after which it is not called; with 0 it is always called."""
    open_seconds: Seconds = 1.0
    """Seconds until one request tries it again. They double with each failed try, up to 10."""
    share: Annotated[Level, Gt(0), Le(1)] = field(default=0.5, metadata=ADDED_LATER)
    """The share of the tries of the last ten seconds that must have failed, such as `50%`, so that it is not called."""
    tries: Annotated[int, Ge(1)] = field(default=20, metadata=ADDED_LATER)
    """The least number of tries in these ten seconds for `share` to count."""


RetryCause = Literal["connect", "reset", "429", "502", "503", "529"]
RETRIED: tuple[RetryCause, ...] = ("connect", "reset", "429", "502", "503", "529")


@dataclass(frozen=True, slots=True)
class RetryRule:
    """When a request is sent to the same deployment again, before any of its answer was sent on."""

    attempts: Annotated[int, Ge(1), Le(3)] = 2
    """Tries in all; with 1 nothing is sent again."""
    budget: Annotated[Level, Ge(0), Le(1)] = 0.1
    """The most retries, as a share of the requests of the last minute; ten a minute are always allowed."""
    on: tuple[Annotated[RetryCause, Converted(str)], ...] = RETRIED
    """What is tried again: a failed connection, a connection lost before the answer began, and these statuses."""
