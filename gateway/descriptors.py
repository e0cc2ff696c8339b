"""A reserve of file descriptors: callers' connections can't take those that health checks and own files need."""

from __future__ import annotations

import logging
import resource
from typing import Literal

Room = Literal["free", "reserved", "none"]
SMALLEST, LARGEST = 24, 256
SHARE = 8
"""The reserve is an eighth of the limit, within these bounds."""

QUIET_SECONDS = 60.0
"""How long the log says nothing more about the limit."""


def raise_soft_limit() -> int:
    """Raise the soft limit of this process to its hard limit; the limit that holds then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class DescriptorReserve:
    """Tells by a new connection's descriptor how many are left: the system always gives the lowest free number.

    The upper half of the reserve is for own files alone; the lower half also for connections that ask for little.
    """

    def __init__(self, limit: int, *, service: str, log: logging.Logger) -> None:
        self.limit = limit
        reserve = max(SMALLEST, min(LARGEST, limit // SHARE))
        self.connections = max(1, limit - reserve)
        """Descriptors below this number are for everybody."""
        self._last = limit - reserve // 2
        self._service, self._log = service, log
        self._said = -QUIET_SECONDS

    def room(self, descriptor: int, now: float) -> Room:
        """Whom this descriptor is for; the first time at the limit, and then once a minute, the log says so."""
        if descriptor < self.connections:
            return "free"
        if now - self._said >= QUIET_SECONDS:
            self._said = now
            self._log.warning(
                "%s: at its limit of %d open files; connections without a request are closed, and new requests but "
                "those for its health are refused until there is room (a higher limit: ulimit -n)",
                self._service,
                self.limit,
            )
        return "reserved" if descriptor < self._last else "none"
