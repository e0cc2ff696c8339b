"""Throttles sign-in attempts: by address, and by name and address; a browser that is known has a limit of its own.

No limit is on a name alone, so strangers who guess can't lock its owner out.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from fairtrial.domain.accounts import LONGEST_NAME, same_name

WINDOW_US = 600_000_000
OF_A_PAIR = 8
"""Attempts for one name from one address."""
OF_AN_ADDRESS = 20
OF_A_DEVICE = 8
OF_ALL = 60
"""Attempts of all unknown browsers in a minute: each one takes a slow hash."""
ALL_US = 60_000_000
IPV6_NETWORK = 64
"""Bits that one customer of a provider usually has for itself."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try for ``name`` from ``address``; ``device`` identifies a browser in which that name signed in before."""

    name: str
    address: str
    device: str | None = None


class Attempts:
    """Counts attempts before they are checked, so that many at once are no way around; right passwords are not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: deque[int] = deque()
        self._counted: dict[Hashable, deque[int]] = {}

    def begin(self, attempt: Attempt, *, now_us: int) -> int:
        """Count one attempt; if there were too many, how many microseconds to wait instead of trying."""
        with self._lock:
            self._forget(now_us)
            for key, limit in _limits(attempt):
                times = self._counted.get(key)
                if times is not None and len(times) >= limit:
                    return times[0] + WINDOW_US - now_us
            if attempt.device is None:
                if len(self._all) >= OF_ALL:
                    return self._all[0] + ALL_US - now_us
                self._all.append(now_us)
            for key, _ in _limits(attempt):
                self._counted.setdefault(key, deque()).append(now_us)
            return 0

    def is_burst(self, attempt: Attempt) -> bool:
        """Whether the failure that was just counted is the last one that is allowed for now."""
        with self._lock:
            return any(len(self._counted.get(key, ())) == limit for key, limit in _limits(attempt))

    def succeeded(self, attempt: Attempt) -> None:
        """Forget the attempts for this name from here, and give the address this one back."""
        with self._lock:
            first, *others = (key for key, _ in _limits(attempt))
            self._counted.pop(first, None)
            for key in others:
                if self._counted.get(key):
                    self._counted[key].pop()
            if attempt.device is None and self._all:
                self._all.pop()

    def _forget(self, now_us: int) -> None:
        _drop(self._all, now_us, lasts_us=ALL_US)
        for times in self._counted.values():
            _drop(times, now_us, lasts_us=WINDOW_US)
        self._counted = {key: times for key, times in self._counted.items() if times}


def _limits(attempt: Attempt) -> Iterator[tuple[Hashable, int]]:
    """What the attempt counts for, with the limit of each; the most specific one first."""
    if attempt.device is not None:
        yield ("device", attempt.device), OF_A_DEVICE
        return
    network = _network(attempt.address)
    yield ("pair", same_name(attempt.name[: 2 * LONGEST_NAME]), network), OF_A_PAIR
    yield ("address", network), OF_AN_ADDRESS


def _network(address: str) -> str:
    """The address, or the network of an IPv6 address, in which one host may use any number of addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, IPV6_NETWORK), strict=False))


def _drop(times: deque[int], now_us: int, *, lasts_us: int) -> None:
    """Forget what is too old, and what is as far ahead: a clock that was set right must not shut people out."""
    while times and abs(now_us - times[0]) >= lasts_us:
        times.popleft()
