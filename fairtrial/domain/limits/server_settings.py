"""Defines settings that are fixed at a server's start: a worker's, and the least rate of request bodies."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le, MinLen

from fairtrial.domain.settings import Name, Network, Seconds, Wait

LAST_SECONDS = 5.0


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


@dataclass(frozen=True, slots=True)
class CorsSettings:
    """Web pages that may use the gateway from a browser, without cookies. Without this section, none may."""

    origins: Annotated[tuple[Name, ...], MinLen(1)]
    """Their origins, such as `https://app.example`; `*` means every page, and is allowed only if callers need a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """The settings below `gateway:` in fairtrial.yaml that workers need; times are in seconds."""

    max_in_flight: Annotated[int, Ge(1)] = 1024
    """Concurrent requests in each worker; further ones get a 503 with `Retry-After`."""
    max_bodies_mb: Annotated[int, Ge(1), Le(2**20)] = 1024
    """MiB of large request bodies in each worker at a time; further ones get a 503 with `Retry-After`."""
    max_share_per_key: Annotated[int, Ge(1), Le(100)] = 90
    """Percent of `max_in_flight` and `max_bodies_mb` that one key may use; above it callers get a 429. Without keys:
    100.
    """
    body_grace: Seconds = USUAL_BODY_RATE.grace
    """Seconds: in each such period, a request body must end or arrive at `min_body_rate`; otherwise a 408."""
    min_body_rate: Annotated[int, Ge(1)] = USUAL_BODY_RATE.least
    """Bytes per second."""
    keepalive: Wait = 15.0
    """Seconds of silence after which a stream gets a comment, which clients skip; 0 for none."""
    grace: Wait = 0.0
    """Seconds for which a stopping gateway still serves new requests, while `/readyz` fails."""
    drain: Wait = 30.0
    """Further seconds in which answers that have begun may finish."""
    cors: CorsSettings | None = None
    """Web pages that may use the gateway from a browser; read when the gateway starts."""
    trusted_proxies: tuple[Network, ...] = ()
    """Addresses or networks of proxies that an open gateway serves, if the client they name is on this machine."""
    others: Name | None = None
    """The deployment for every other path below `/v1`; without one, these paths are not found."""

    @property
    def cors_origins(self) -> tuple[str, ...]:
        """Origins of web pages that may use the gateway."""
        return () if self.cors is None else self.cors.origins

    @property
    def body_rate(self) -> BodyRate:
        """The minimum rate of request bodies."""
        return BodyRate(self.body_grace, self.min_body_rate)

    @property
    def to_stop(self) -> float:
        """The maximum time in which a worker stops, including its last bytes."""
        return self.grace + self.drain + LAST_SECONDS


USUAL = WorkerSettings()
