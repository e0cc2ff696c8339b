"""Enforces the minimum transfer rate of request bodies, on the gateway and on control."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BodyRate:
    """At least ``grace`` × ``least`` bytes must arrive in each period of ``grace`` seconds, unless the body ends.

    ``least`` is in bytes per second. Unlike an average since the beginning, this limit also
    stops a body that starts fast and then trickles.
    """

    grace: float = 20.0
    least: int = 500


USUAL_BODY_RATE = BodyRate()


class BodyWatch:
    """Measures the successive bodies of one connection; times are seconds of a single clock."""

    __slots__ = ("_body", "_since", "came")

    def __init__(self) -> None:
        self._body: object | None = None
        self._since = 0.0
        self.came = 0
        """Bytes since the current period began; the connection increments it."""

    def too_slow(self, body: object | None, rate: BodyRate, *, now: float, held_back: bool = False) -> bool:
        """Whether the incomplete ``body`` arrives too slowly; must be called several times in each grace period.

        ``held_back``: the body is not being read at the moment, so its sender is not at fault.
        """
        if body is not self._body or held_back:
            self._body, self._since, self.came = body, now, 0
        if body is None or now - self._since < rate.grace:
            return False
        came, self._since, self.came = self.came, now, 0
        return came < rate.grace * rate.least
