"""Defines how a deployment is called: how long to wait, when to try again, and when not to call it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from fairtrial.domain.plan_parts.field_marks import ADDED_LATER

BreakerState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts in seconds: to connect, to the first byte of the response, between two bytes, and in total.

    ``failover``: to the first byte where a fallback can answer instead. The other defaults are at least as long as the
    official client's, which waits ten minutes for a reasoning model.
    """

    connect: float = 5.0
    first_byte: float = 600.0
    idle: float = 600.0
    total: float = 3600.0
    failover: float = field(default=90.0, metadata=ADDED_LATER)


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """When a worker stops calling a deployment at first for ``open_seconds``.

    That is after so many ``failures`` in a row to connect or to begin an answer in time, or if this ``share`` of at
    least so many ``tries`` of the last seconds failed. With 0 failures it never does.
    """

    failures: int = 5
    open_seconds: float = 1.0
    share: float = field(default=0.5, metadata=ADDED_LATER)
    tries: int = field(default=20, metadata=ADDED_LATER)


RetryCause = Literal["connect", "reset", "429", "502", "503", "529"]
RETRIED: tuple[RetryCause, ...] = ("connect", "reset", "429", "502", "503", "529")


@dataclass(frozen=True, slots=True)
class RetryRule:
    """How often the same deployment is tried in all, after which failures; ``budget``: a share of its requests."""

    attempts: int = 2
    budget: float = 0.1
    on: tuple[RetryCause, ...] = RETRIED
