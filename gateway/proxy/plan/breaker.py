"""Stops the calls of a deployment that is broken for everybody, until a single request finds that it answers."""

import logging
import math
from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from fairtrial.domain.plan import Deployment
from fairtrial.domain.settings import BreakerState

WINDOW = 10
"""Seconds for which failures are kept."""

MINUTE = 60
"""Seconds for which tries are counted."""

LONGEST = 10.0
"""The most seconds between two probes."""

HOPELESS = 0.95
"""A larger share of failures means that nothing is lost if requests without a fallback are kept away."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """One try that failed. ``reason``: its code. ``unit``: who asked, or the prompt's digest if nobody was named.

    ``digest``: of the prompt, for a fault that may lie in the prompt; such a fault counts once for each key, unit and
    digest. ``unreachable``: there was no connection, or no answer in time.
    """

    reason: str
    key: str | None
    unit: str | None
    digest: str | None = None
    unreachable: bool = False

    @property
    def asker(self) -> tuple[str | None, str | None]:
        """Who asked: the unit of a key."""
        return self.key, self.unit


@dataclass(slots=True)
class RecentFailures:
    """The failures of the last seconds, each with its time, and how many of them each key and each asker had."""

    keys: Counter[str | None] = field(default_factory=Counter)
    askers: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    _failures: deque[tuple[float, Failure]] = field(default_factory=deque)
    _prompts: set[Failure] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self._failures)

    def add(self, failure: Failure, now: float) -> bool:
        """Whether it counts, which the same prompt of one unit does only once."""
        self.expire(now)
        if failure.digest is not None:
            if failure in self._prompts:
                return False
            self._prompts.add(failure)
        self._failures.append((now, failure))
        self.keys[failure.key] += 1
        self.askers[failure.asker] += 1
        return True

    def expire(self, now: float) -> None:
        while self._failures and self._failures[0][0] <= now - WINDOW:
            _, failure = self._failures.popleft()
            self._prompts.discard(failure)
            _decrease(self.keys, failure.key)
            _decrease(self.askers, failure.asker)

    def clear(self) -> None:
        for collection in (self._failures, self._prompts, self.keys, self.askers):
            collection.clear()


def _decrease(counts: Counter[Any], name: Any) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]


class Tries:
    """The tries of the last minute by the second, and whether several keys made them. Times are monotonic, in seconds.

    ``key``: that of the latest try.
    """

    __slots__ = ("_by_second", "_latest", "_other_key_at", "key")

    def __init__(self) -> None:
        self._by_second = [0] * MINUTE
        self._latest = 0
        self.key: str | None = ""
        self._other_key_at = -math.inf

    def add(self, key: str | None, now: float) -> None:
        """A request with this key is sent."""
        second = int(now)
        if second != self._latest:
            self._advance(second)
        self._by_second[second % MINUTE] += 1
        if key != self.key:
            self._other_key_at = -math.inf if self.key == "" else now
            self.key = key

    def has_other_key(self, now: float) -> bool:
        """Whether the key changed in the last seconds."""
        return now - self._other_key_at < WINDOW

    def last(self, seconds: int, now: float) -> int:
        """The tries of the present second and of those before it, ``seconds`` in all."""
        second = int(now)
        self._advance(second)
        return sum(self._by_second[(second - back) % MINUTE] for back in range(seconds))

    def _advance(self, second: int) -> None:
        for passed in range(max(self._latest, second - MINUTE) + 1, second + 1):
            self._by_second[passed % MINUTE] = 0
        self._latest = max(self._latest, second)


@dataclass(slots=True)
class BreakerCounts:
    """Counts since the worker started: how often a breaker opened, and the requests that it kept away."""

    opened: int = 0
    kept_away: int = 0


@dataclass(slots=True, eq=False)
class Breaker:
    """The circuit breaker of one deployment and path in one worker. Times are monotonic, in seconds.

    ``calm``: closed, and nothing failed in the last seconds; then only its ``tries`` are counted. ``hopeless``: next to
    nothing succeeds. ``permit``: names the requests that count now; a probe has the negative number. It changes when
    the breaker opens and when it closes, so that earlier requests count no more.
    """

    deployment: Deployment
    path: str
    counts: BreakerCounts = field(default_factory=BreakerCounts)
    tries: Tries = field(default_factory=Tries)
    calm: bool = True
    state: BreakerState = "closed"
    hopeless: bool = False
    permit: int = 1
    reason: str = ""
    _failures: RecentFailures = field(default_factory=RecentFailures)
    _in_a_row: list[Failure] = field(default_factory=list)
    _pause: float = 0.0
    _until: float = 0.0
    _closed_at: float = -math.inf

    def admit(self, now: float, *, fallback: bool) -> int | None:
        """The permit of a request that may be sent, or ``None``. An open breaker admits one probe at a time.

        Without a ``fallback`` a request is sent as long as some requests succeed.
        """
        if self.state == "closed":
            return self.permit
        if self.state == "open" and now >= self._until:
            self.state = "half_open"
            return -self.permit
        if not (self.hopeless or fallback):
            return self.permit
        self.counts.kept_away += 1
        return None

    def failed(self, permit: int, failure: Failure, now: float) -> None:
        """A request failed in a way that speaks of the server."""
        if not self.deployment.breaker.failures or abs(permit) != self.permit:
            return
        if permit < 0:
            self._open(failure.reason, now)
            return
        self.calm = False
        if not self._failures.add(failure, now):
            return
        self._in_a_row = [*self._in_a_row, failure][-self._row :] if failure.unreachable else []
        if self.state != "closed":
            self.hopeless = self.hopeless or self._is_hopeless(now)
        elif self._is_broken(now):
            self._open(failure.reason, now)

    def answered(self, permit: int, now: float) -> None:
        """An answer has begun that says nothing against the server. It closes the breaker if it is the probe's."""
        if abs(permit) != self.permit:
            return
        if permit < 0:
            self._close(now)
            return
        self._in_a_row = []
        if self.state == "closed":
            self._failures.expire(now)
            self.calm = not self._failures

    def abandoned(self, permit: int) -> None:
        """A request ended without a result: a probe frees its place, so the next request is the probe."""
        if permit == -self.permit and self.state == "half_open":
            self.state = "open"

    def seconds_left(self, now: float) -> int:
        """Whole seconds until the next probe, at least 1."""
        return max(1, math.ceil(self._until - now))

    def _is_broken(self, now: float) -> bool:
        """Whether enough tries failed, and not for one key or one unit alone."""
        row, failures = self._in_a_row, self._failures
        if len(row) == self._row and self._concerns_all(
            {failure.key for failure in row}, {failure.asker for failure in row}, now
        ):
            return True
        return self._has_failed(self.deployment.breaker.share, now) and self._concerns_all(
            failures.keys, failures.askers, now
        )

    def _concerns_all(
        self, keys: Collection[str | None], askers: Collection[tuple[str | None, str | None]], now: float
    ) -> bool:
        """Whether failures with these keys, for these askers, are not those of one while others are there."""
        others = self.tries.key not in keys or self.tries.has_other_key(now)
        return len(askers) > 1 and (len(keys) > 1 or not others)

    def _is_hopeless(self, now: float) -> bool:
        return self._all_unreachable() or self._has_failed(HOPELESS, now)

    def _all_unreachable(self) -> bool:
        return len(self._in_a_row) == self._row and len({failure.asker for failure in self._in_a_row}) > 1

    @property
    def _row(self) -> int:
        """Failures in a row; one alone would come from one unit."""
        return max(2, self.deployment.breaker.failures)

    def _has_failed(self, share: float, now: float) -> bool:
        tries = max(self.tries.last(WINDOW, now), len(self._failures))
        return tries >= self.deployment.breaker.tries and len(self._failures) >= share * tries

    def _open(self, reason: str, now: float) -> None:
        first = min(self.deployment.breaker.open_seconds, LONGEST)
        recent = self.state != "closed" or now - self._closed_at < WINDOW
        self._pause = min(self._pause * 2, LONGEST) if self._pause and recent else first
        self._until = now + self._pause
        self.hopeless = self.hopeless or self._is_hopeless(now)
        self.state, self.reason = "open", reason
        self.permit += 1
        self.counts.opened += 1
        text = "deployment %s%s: breaker open for %g s after %s"
        _LOG.warning(text, self.deployment.name, self.path, self._pause, reason)

    def _close(self, now: float) -> None:
        self.state, self.hopeless, self.calm, self._closed_at = "closed", False, True, now
        self.permit += 1
        self._failures.clear()
        self._in_a_row = []
        text = "deployment %s%s: breaker closed, it answers again after %s"
        _LOG.info(text, self.deployment.name, self.path, self.reason)
