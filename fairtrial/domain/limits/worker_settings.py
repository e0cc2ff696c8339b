"""How a worker of the data plane serves: settled when it starts, unlike the plan, which changes under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fairtrial.domain.limits.body_rate import USUAL_BODY_RATE, BodyRate

LAST_SECONDS = 5.0
TransportName = Literal["aiohttp", "pool"]


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The part of ``gateway:`` in fairtrial.yaml that workers need; times are seconds.

    ``max_in_flight``: requests at a time in one worker; ``keepalive``: silence of a stream after which a comment is
    sent, 0 for none; ``grace``: how long a stopping worker still serves new requests, not ready any more; ``drain``:
    how long it waits for those that have begun; ``others``: the deployment of every path that is not served here;
    ``cors_origins``: the web pages that may use the gateway, by their origins; ``trusted_proxies``: IP addresses and
    networks whose forwarding headers an open gateway believes; ``max_bodies_mb``: MiB of large request bodies that are
    held at a time; ``max_share_per_key``: percent of both that one key may use; ``body_grace`` and ``min_body_rate``:
    see `BodyRate`.
    """

    max_in_flight: int = 1024
    keepalive: float = 15.0
    grace: float = 0.0
    drain: float = 30.0
    transport: TransportName = "pool"
    others: str | None = None
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    max_bodies_mb: int = 1024
    max_share_per_key: int = 90
    body_grace: float = USUAL_BODY_RATE.grace
    min_body_rate: int = USUAL_BODY_RATE.least

    @property
    def body_rate(self) -> BodyRate:
        """The slowest that a request body may come."""
        return BodyRate(self.body_grace, self.min_body_rate)

    @property
    def to_stop(self) -> float:
        """Seconds that a worker takes to stop at most: its last bytes included."""
        return self.grace + self.drain + LAST_SECONDS


USUAL = WorkerSettings()
