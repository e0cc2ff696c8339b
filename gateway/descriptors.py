"""Reserves file descriptors, so that clients can't take those that health checks and the process's files need."""

from __future__ import annotations

import logging
import resource
from typing import Literal

Room = Literal["free", "reserved", "none"]
SMALLEST, LARGEST = 24, 256
SHARE = 8
"""The reserve is an eighth of the limit, within these bounds."""

QUIET_SECONDS = 60.0
"""The interval between two log lines about the limit."""


def raise_soft_limit() -> int:
    """Raise the soft limit of this process to its hard limit; returns the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class DescriptorReserve:
    """Tells from a new connection's descriptor how many are left: the system always assigns the lowest free number.

    The upper half of the reserve is only for the process's own files. The lower half also serves health checks.
    """

    def __init__(self, limit: int, *, service: str, log: logging.Logger) -> None:
        self.limit = limit
        reserve = max(SMALLEST, min(LARGEST, limit // SHARE))
        self.connections = max(1, limit - reserve)
        """Descriptors below this number are free for all connections."""
        self._last = limit - reserve // 2
        self._service, self._log = service, log
        self._said = -QUIET_SECONDS

    def room(self, descriptor: int, now: float) -> Room:
        """The use of this descriptor. At the limit the log says so, at most once a minute."""
        if descriptor < self.connections:
            return "free"
        if now - self._said >= QUIET_SECONDS:
            self._said = now
            self._log.warning(
                "%s: at its limit of %d open files. Idle connections are closed, and new requests are "
                "refused until there is room, except health checks (a higher limit: ulimit -n)",
                self._service,
                self.limit,
            )
        return "reserved" if descriptor < self._last else "none"
