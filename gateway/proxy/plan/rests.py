"""Remembers how long a deployment asked not to be called, and which keys that binds."""

import math

TOGETHER = 60.0
"""Seconds within which two keys and two units must be told to wait, so that the wait binds all keys."""

LONGEST_FOR_ALL = 10.0
"""The most seconds for which a wait binds all keys, before a call finds out whether it still holds."""

_UNITS = 2
"""Units of a key that are remembered: enough to tell that there are two."""


class Rests:
    """The waits of one deployment in one worker. Times are monotonic, in seconds.

    A wait binds the key that was told. One key never binds others, however many units it names, because a provider
    limits each key by what that key alone has sent. ``latest``: the end of the last wait, after which none holds.
    """

    __slots__ = ("_all_until", "_told", "_until", "latest")

    def __init__(self) -> None:
        self.latest = self._all_until = -math.inf
        self._until: dict[str | None, float] = {}
        self._told: dict[str | None, dict[str | None, float]] = {}

    def note(self, key: str | None, unit: str | None, seconds: float, now: float) -> None:
        """A request of this key and unit was told to wait."""
        until = self._until[key] = max(self._until.get(key, now), now + seconds)
        self.latest = max(self.latest, until)
        units = self._told.setdefault(key, {})
        units.pop(unit, None)
        units[unit] = now
        if len(units) > _UNITS:
            del units[next(iter(units))]
        if self._has_told_several(now):
            self._all_until = max(self._all_until, now + min(seconds, LONGEST_FOR_ALL))

    def binds(self, key: str | None, now: float) -> bool:
        """Whether a request of this key has to wait."""
        if now >= self.latest:
            self.latest = -math.inf
            return False
        return now < self._all_until or now < self._until.get(key, -math.inf)

    def _has_told_several(self, now: float) -> bool:
        """Whether several keys and several units were told to wait in the last minute."""
        recent = [
            {unit for unit, at in units.items() if now - at < TOGETHER}
            for units in self._told.values()
        ]  # fmt: skip
        return sum(map(bool, recent)) > 1 and len(set().union(*recent)) > 1
