"""How often one may try to sign in: few times for a name, and not endlessly for all names together."""

from __future__ import annotations

import threading
from collections import deque

from fairtrial.domain.accounts import LONGEST_NAME, same_name

OF_A_NAME = 8
NAME_US = 600_000_000
OF_ALL = 30
ALL_US = 60_000_000


class Attempts:
    """Counts tries before they are checked, so that many at once are no way around; a right password gives its back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: deque[int] = deque()
        self._named: dict[str, deque[int]] = {}

    def begin(self, name: str, *, now_us: int) -> int:
        """Count one try; if there were too many, how many microseconds to wait instead of trying."""
        with self._lock:
            self._forget(now_us)
            tried = self._named.get(_key(name), deque())
            if len(tried) >= OF_A_NAME:
                return tried[0] + NAME_US - now_us
            if len(self._all) >= OF_ALL:
                return self._all[0] + ALL_US - now_us
            self._all.append(now_us)
            self._named.setdefault(_key(name), tried).append(now_us)
            return 0

    def is_burst(self, name: str) -> bool:
        """Whether the failure that was just counted is the last that this name may have for now."""
        with self._lock:
            return len(self._named.get(_key(name), ())) == OF_A_NAME

    def succeeded(self, name: str) -> None:
        """Forget the tries of a name: whoever they were, its owner is here."""
        with self._lock:
            self._named.pop(_key(name), None)
            if self._all:
                self._all.pop()

    def _forget(self, now_us: int) -> None:
        _drop(self._all, now_us, lasts_us=ALL_US)
        for tried in self._named.values():
            _drop(tried, now_us, lasts_us=NAME_US)
        self._named = {name: tried for name, tried in self._named.items() if tried}


def _drop(times: deque[int], now_us: int, *, lasts_us: int) -> None:
    """Forget what is too old, and what is as far ahead: a clock that was set right must not shut people out."""
    while times and abs(now_us - times[0]) >= lasts_us:
        times.popleft()


def _key(name: str) -> str:
    return same_name(name[: 2 * LONGEST_NAME])
