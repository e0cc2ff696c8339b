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
"""The most seconds between two probes where a fallback answers."""

LONGEST_ALONE = 0.2
"""The most seconds between two probes where none does: so long callers get errors from a server that is well again."""

SOONEST = 0.05
"""The fewest seconds after which a probe that has not failed says that the server may be well again."""

Asker = tuple[str | None, str | None]
"""A key and a unit of it."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """One try that failed. ``reason``: its code. ``unit``: who asked, or the prompt's digest if nobody was named.
    Where there was no connection it is the request, because no unit causes that.

    ``digest``: of the prompt, for a fault that may lie in the prompt; such a fault counts once for each key, unit and
    digest. ``unreachable``: there was no connection, or no answer in time. ``seconds``: how long the try took.
    """

    reason: str
    key: str | None
    unit: str | None
    digest: str | None = None
    unreachable: bool = False
    seconds: float = field(default=0.0, compare=False)

    @property
    def asker(self) -> Asker:
        """Who asked: the unit of a key."""
        return self.key, self.unit


@dataclass(slots=True)
class RecentFailures:
    """The failures of the last seconds, each with its time, and how many of them each key and each asker had."""

    keys: Counter[str | None] = field(default_factory=Counter)
    askers: Counter[Asker] = field(default_factory=Counter)
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
    """The tries of the last minute by the second. Times are monotonic, in seconds."""

    __slots__ = ("_by_second", "_latest")

    def __init__(self) -> None:
        self._by_second = [0] * MINUTE
        self._latest = 0

    def add(self, now: float) -> None:
        """A request is sent."""
        second = int(now)
        if second != self._latest:
            self._advance(second)
        self._by_second[second % MINUTE] += 1

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

    ``calm``: closed, and nothing failed in the last seconds; then only its ``tries`` are counted. ``permit``: names the
    requests that count now; a probe has the negative number. It changes when the breaker opens and when it closes, so
    that earlier requests count no more.
    """

    deployment: Deployment
    path: str
    counts: BreakerCounts = field(default_factory=BreakerCounts)
    tries: Tries = field(default_factory=Tries)
    calm: bool = True
    state: BreakerState = "closed"
    permit: int = 1
    reason: str = ""
    _failures: RecentFailures = field(default_factory=RecentFailures)
    _in_a_row: list[Failure] = field(default_factory=list)
    _pause: float = 0.0
    _opened_at: float = -math.inf
    _probed_at: float = -math.inf
    _closed_at: float = -math.inf
    _answered_at: float = -math.inf
    _silent_since: float = -math.inf
    _failure_seconds: float = 0.0
    _key: str | None = None
    _unit: str | None = None
    _binds_all: bool = False

    def state_for(self, key: str | None, unit: str | None = None) -> BreakerState:
        """The state that requests of this unit of a key meet.

        Failures of one key alone open it for that key alone, and silence that one unit alone met for that unit alone.
        """
        bound = self._binds_all or (key == self._key and self._unit in (None, unit))
        return self.state if bound else "closed"

    def admit(self, now: float, key: str | None, unit: str | None = None, *, fallback: bool) -> int | None:
        """The permit of a request that may be sent, or ``None``. An open breaker admits one probe at a time.

        Without a ``fallback`` a request is sent if any has succeeded in the last seconds, or if a probe takes longer
        than failures do. A silent probe delays no other.
        """
        if self.state_for(key, unit) == "closed":
            return self.permit
        if not fallback and self.state == "open" and now - self._silent_since >= WINDOW > 2 * self._failure_seconds:
            self._answered_at = now  # nothing was sent lately, and failures would show soon
        if now >= self._probe_at(fallback=fallback) and (self.state == "open" or not fallback):
            if self.state == "open":
                self._silent_since = now
            self.state, self._probed_at = "half_open", now
            return -self.permit
        if not fallback and (now - self._answered_at < WINDOW or self._may_be_well(now)):
            return self.permit
        self.counts.kept_away += 1
        return None

    def failed(self, permit: int, failure: Failure, now: float) -> None:
        """A request failed in a way that speaks of the server."""
        if not self.deployment.breaker.failures or abs(permit) != self.permit:
            return
        if self.calm and self.tries.last(WINDOW, now) > 1:
            self._answered_at = now  # others were sent before, and until now none has failed
        self.calm, self._silent_since, self._failure_seconds = False, now, failure.seconds
        counts = self._failures.add(failure, now)
        if counts:
            self._in_a_row = [*self._in_a_row, failure][-self._row :] if failure.unreachable else []
        if self.state != "closed" and self._unit is None:
            self._binds_all = self._binds_all or failure.key != self._key
        if permit < 0:
            self._open(failure.reason, now)
        elif counts and (self.state == "closed" or self._unit is not None) and (askers := self._broken_for(now)):
            self._bind(failure, askers)
            self._open(failure.reason, now)

    def answered(self, permit: int, now: float) -> None:
        """An answer has begun that says nothing against the server. It closes the breaker if it is the probe's."""
        if abs(permit) != self.permit:
            return
        if permit < 0:
            self._close(now)
            return
        self._in_a_row, self._answered_at = [], now
        if self.state == "closed":
            self._failures.expire(now)
            self.calm = not self._failures

    def abandoned(self, permit: int) -> None:
        """A request ended without a result: a probe frees its place, so the next request is the probe."""
        if permit == -self.permit and self.state == "half_open":
            self.state, self._probed_at = "open", -math.inf

    def seconds_left(self, now: float, *, fallback: bool) -> int:
        """Whole seconds until the next probe, at least 1."""
        return max(1, math.ceil(self._probe_at(fallback=fallback) - now))

    def _probe_at(self, *, fallback: bool) -> float:
        if fallback:
            return self._opened_at + self._pause
        return max(self._opened_at, self._probed_at) + min(self._pause, LONGEST_ALONE)

    def _may_be_well(self, now: float) -> bool:
        """Whether a probe has been under way for longer than the last failure took, and nothing has failed since."""
        return self.state == "half_open" and now - self._silent_since > max(SOONEST, 2 * self._failure_seconds)

    def _broken_for(self, now: float) -> Collection[Asker]:
        """Whose tries failed, if enough did; one asker alone counts where the server stayed silent."""
        row, failures = self._in_a_row, self._failures
        if len(row) == self._row:
            return {failure.asker for failure in row}
        tries = max(self.tries.last(WINDOW, now), len(failures))
        failed = tries >= self.deployment.breaker.tries and len(failures) >= self.deployment.breaker.share * tries
        return failures.askers if failed and len(failures.askers) > 1 else ()

    def _bind(self, failure: Failure, askers: Collection[Asker]) -> None:
        """Keep these away: a unit, all of a key, or all. The unit that it is open for already is one of them."""
        if self.state != "closed":
            askers = {*askers, (self._key, self._unit)}
        self._key, self._binds_all = failure.key, len({key for key, _ in askers}) > 1
        self._unit, self._in_a_row = (failure.unit, []) if len(askers) == 1 else (None, self._in_a_row)

    @property
    def _row(self) -> int:
        """Failures in a row that open it; one alone would say little."""
        return max(2, self.deployment.breaker.failures)

    def _open(self, reason: str, now: float) -> None:
        first = min(self.deployment.breaker.open_seconds, LONGEST)
        recent = self.state != "closed" or now - self._closed_at < WINDOW
        before = self._pause
        if self.state == "closed":
            before, self.permit = 0.0, self.permit + 1
        self._pause = min(self._pause * 2, LONGEST) if self._pause and recent else first
        self.state, self.reason, self._opened_at, self._probed_at = "open", reason, now, -math.inf
        self.counts.opened += 1
        if self._pause != before:  # in a long outage a probe each second fails
            text = "deployment %s%s: breaker open for %g s after %s"
            _LOG.warning(text, self.deployment.name, self.path, self._pause, reason)

    def _close(self, now: float) -> None:
        self.state, self.calm = "closed", True
        self._closed_at = self._answered_at = now
        self.permit += 1
        self._failures.clear()
        self._in_a_row = []
        text = "deployment %s%s: breaker closed, it answers again after %s"
        _LOG.info(text, self.deployment.name, self.path, self.reason)
