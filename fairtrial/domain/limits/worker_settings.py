"""Defines the settings of a data plane worker, which are fixed at its start, unlike the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fairtrial.domain.limits.body_rate import USUAL_BODY_RATE, BodyRate

LAST_SECONDS = 5.0
TransportName = Literal["aiohttp", "pool"]


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The part of ``gateway:`` in fairtrial.yaml that workers need; times are in seconds.

    ``max_in_flight``: concurrent requests in one worker. ``keepalive``: how long a stream may be silent before a
    comment is sent, 0 for none. ``grace``: how long a stopping worker, already unready, still serves new requests.
    ``drain``: how long it waits for requests in progress. ``others``: the deployment for all paths that are not served
    here. ``cors_origins``: origins of web pages that may use the gateway. ``trusted_proxies``: IP addresses and
    networks whose forwarding headers an open gateway trusts. ``max_bodies_mb``: MiB of large request bodies that are
    held at a time. ``max_share_per_key``: percent of both limits that one key may use. ``body_grace`` and
    ``min_body_rate``: see `BodyRate`.
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
        """The minimum rate of request bodies."""
        return BodyRate(self.body_grace, self.min_body_rate)

    @property
    def to_stop(self) -> float:
        """The maximum time in which a worker stops, including its last bytes."""
        return self.grace + self.drain + LAST_SECONDS


USUAL = WorkerSettings()
