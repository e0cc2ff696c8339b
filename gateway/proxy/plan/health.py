"""Holds what a worker knows of a deployment's server: its breakers, how long it wants to rest, the retries to it."""

from __future__ import annotations

import math
from collections import deque

from fairtrial.domain.events import BreakerState
from fairtrial.domain.plan import Deployment
from gateway.proxy.plan.breaker import MINUTE, Breaker, BreakerCounts

FREE_RETRIES = 10
"""Retries in a minute that are always allowed."""

LONGEST_REST = 120.0
"""The most seconds for which a provider's own wait is kept to, so that a wrong one does no harm."""


class Breakers(dict[str, Breaker]):
    """The breakers of one deployment by path; each is made at the first request for its path."""

    def __init__(self, deployment: Deployment, counts: BreakerCounts) -> None:
        super().__init__()
        self.deployment, self.counts = deployment, counts

    def __missing__(self, path: str) -> Breaker:
        self[path] = Breaker(self.deployment, path, self.counts)
        return self[path]

    @property
    def state(self) -> BreakerState:
        """That of the worst one."""
        states = {one.state for one in self.values()}
        return "open" if "open" in states else "half_open" if "half_open" in states else "closed"


class Health:
    """The state of a deployment's server in one worker. Times are monotonic, in seconds.

    ``rests_until``: until when it asked not to be called, by a 429 or 503 with a wait.
    """

    __slots__ = ("_retries", "breakers", "deployment", "rests_until")

    def __init__(self, deployment: Deployment, counts: BreakerCounts | None = None) -> None:
        self.deployment = deployment
        self.breakers = Breakers(deployment, counts or BreakerCounts())
        self.rests_until = -math.inf
        self._retries: deque[float] = deque()

    def rest(self, seconds: float, now: float) -> None:
        """The provider asked for a pause."""
        self.rests_until = max(self.rests_until, now + min(seconds, LONGEST_REST))

    def spend_retry(self, now: float) -> bool:
        """Whether the budget of the last minute allows one more retry, which it then contains."""
        while self._retries and self._retries[0] <= now - MINUTE:
            self._retries.popleft()
        requests = sum(one.tries.last(MINUTE, now) for one in self.breakers.values())
        allowed = len(self._retries) < max(FREE_RETRIES, self.deployment.retry.budget * requests)
        if allowed:
            self._retries.append(now)
        return allowed


def health_of(deployment: Deployment, earlier: Health | None) -> Health:
    """The state that goes on if the deployment is the same as before, else a new one. Counts always go on."""
    if earlier is None:
        return Health(deployment)
    return earlier if earlier.deployment == deployment else Health(deployment, earlier.breakers.counts)
