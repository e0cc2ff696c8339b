"""Stops the calls of a deployment that fails several times in a row, until a single request finds that it answers."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field

from fairtrial.domain.events import BreakerState
from fairtrial.domain.plan import Deployment

LONGEST = 60.0
"""The most seconds between two probes, unless the deployment's own time is longer."""

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class BreakerCounts:
    """Counts since the worker started: how often a deployment's breaker opened, and the requests that it kept away."""

    opened: int = 0
    kept_away: int = 0


@dataclass(slots=True, eq=False)
class Breaker:
    """The circuit breaker of one deployment in one worker. Times are monotonic, in seconds.

    ``calm``: closed, and nothing has failed since the last complete answer; then no method needs to be called.
    ``permit``: names the requests that count now. Each probe gets a new one, so earlier requests count no more.
    """

    deployment: Deployment
    counts: BreakerCounts = field(default_factory=BreakerCounts)
    calm: bool = True
    state: BreakerState = "closed"
    permit: int = 0
    reason: str = ""
    _failures: int = 0
    _pause: float = 0.0
    _until: float = 0.0

    def admit(self, now: float) -> int | None:
        """The permit of a request that may be sent, or ``None``. An open breaker admits one probe at a time."""
        if self.state != "closed":
            if self.state == "half_open" or now < self._until:
                self.counts.kept_away += 1
                return None
            self.state = "half_open"
            self.permit += 1
        return self.permit

    def failed(self, permit: int, reason: str, now: float) -> None:
        """A request failed. ``reason``: the error's code."""
        limit = self.deployment.breaker.failures
        if permit != self.permit or self.state == "open" or not limit:
            return
        self.calm = False
        self._failures += 1
        if self.state == "half_open" or self._failures >= limit:
            self._open(reason, now)

    def answers(self, permit: int) -> None:
        """An answer below 500 has begun: a probe closes the breaker, but the next failure opens it again.

        Other requests therefore need not wait until a long stream ends.
        """
        if permit == self.permit and self.state == "half_open":
            self._close()
            self._failures = self.deployment.breaker.failures - 1

    def succeeded(self, permit: int) -> None:
        """A complete answer below 400: nothing remains of earlier failures."""
        if permit != self.permit or self.state == "open":
            return
        if self.state == "half_open":
            self._close()
        self._failures, self._pause, self.calm = 0, 0.0, True

    def abandoned(self, permit: int) -> None:
        """A request ended without a result: a probe frees its place, so the next request is the probe."""
        if permit == self.permit and self.state == "half_open":
            self.state = "open"

    def seconds_left(self, now: float) -> int:
        """Whole seconds until the next probe, at least 1."""
        return max(1, math.ceil(self._until - now))

    def _open(self, reason: str, now: float) -> None:
        first = self.deployment.breaker.open_seconds
        self._pause = min(self._pause * 2, max(LONGEST, first)) if self._pause else first
        self._until = now + self._pause
        self.state, self.reason = "open", reason
        self.counts.opened += 1
        name, failures = self.deployment.name, self._failures
        text = "deployment %s: breaker open for %g s after %d failures in a row, the last one %s"
        _LOG.warning(text, name, self._pause, failures, reason)

    def _close(self) -> None:
        self.state = "closed"
        _LOG.info("deployment %s: breaker closed, it answers again after %s", self.deployment.name, self.reason)


def breaker_for(deployment: Deployment, earlier: Breaker | None) -> Breaker:
    """The breaker that goes on if the deployment is the same as before, else a closed one. Counts always go on."""
    if earlier is None:
        return Breaker(deployment)
    return earlier if earlier.deployment == deployment else Breaker(deployment, earlier.counts)
