"""Keeps a deployment's failures of the last seconds, and from whom they came."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

WINDOW = 10
"""Seconds for which failures are kept."""


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
        for kept in (self._failures, self._prompts, self.keys, self.askers):
            kept.clear()


def _decrease(counts: Counter[Any], name: Any) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]
