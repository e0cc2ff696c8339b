"""The slowest that a request body may come, on the gateway and on control."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BodyRate:
    """In every ``grace`` seconds at least ``grace`` times ``least`` bytes must come, or the body must end.

    Unlike an average since the beginning, this stops a body that comes fast at first and then trickles.
    """

    grace: float = 20.0
    least: int = 500


USUAL_BODY_RATE = BodyRate()


class BodyWatch:
    """Measures the bodies of one connection, one after another; times are seconds of any one clock."""

    __slots__ = ("_body", "_since", "came")

    def __init__(self) -> None:
        self._body: object | None = None
        self._since = 0.0
        self.came = 0
        """Bytes since the stretch began; the connection adds to it."""

    def too_slow(self, body: object | None, rate: BodyRate, *, now: float, held_back: bool = False) -> bool:
        """Whether ``body``, which is not whole, came too slowly; to be called several times in each grace.

        ``held_back``: it is not read at the moment, so that its sender is not to blame.
        """
        if body is not self._body or held_back:
            self._body, self._since, self.came = body, now, 0
        if body is None or now - self._since < rate.grace:
            return False
        came, self._since, self.came = self.came, now, 0
        return came < rate.grace * rate.least
