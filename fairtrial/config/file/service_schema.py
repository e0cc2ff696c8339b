"""The sections of `fairtrial.yaml` about the services: gateway, control and dashboard."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fairtrial.config.file.section import Name, Network, Seconds, Section, Wait
from fairtrial.domain.limits.body_rate import USUAL_BODY_RATE
from fairtrial.domain.limits.worker_settings import TransportName


class CorsSection(Section):
    """Web pages that may use the gateway from a browser, without cookies. Without this section none may."""

    origins: list[Name] = Field(min_length=1)
    """Their origins, as `https://app.example`; `*` is every page, and only where callers need a key."""


class GatewaySection(Section):
    """The data plane; `open` lets every caller do everything and is for loopback only."""

    bind: str = "127.0.0.1:8080"
    """`host:port`."""
    auth: Literal["open", "keys"] | None = None
    """By default `open` on loopback, where every caller may do everything, and `keys` elsewhere."""
    workers: int = Field(default=2, ge=1, le=256)
    """Processes on the one port."""
    max_body_mb: int = Field(default=32, ge=1, le=1024)
    """The largest request, in MiB."""
    max_in_flight: int = Field(default=1024, ge=1)
    """Requests at a time in each worker; what comes beyond is told to come back, with a 503."""
    max_bodies_mb: int = Field(default=1024, ge=1, le=2**20)
    """MiB of large request bodies that each worker holds at a time; what comes beyond is told to come back."""
    max_share_per_key: int = Field(default=90, ge=1, le=100)
    """Percent of `max_in_flight` and `max_bodies_mb` that one key may use; more of it is a 429. Without keys: 100."""
    body_grace: Seconds = USUAL_BODY_RATE.grace
    """Seconds: in each such stretch a request body must end or come at `min_body_rate`, or it is a 408."""
    min_body_rate: int = Field(default=USUAL_BODY_RATE.least, ge=1)
    """Bytes a second."""
    keepalive: Wait = 15.0
    """Seconds of silence after which a stream is sent a comment, which clients skip; 0 for none."""
    grace: Wait = 0.0
    """Seconds that a gateway still serves new requests when it is told to stop and `/readyz` says so."""
    drain: Wait = 30.0
    """Seconds after that in which answers that have begun may come to their end."""
    transport: TransportName = "pool"
    """What speaks to upstreams: `pool` is lean and strict; `aiohttp` is slower and reads more of what is malformed."""
    cors: CorsSection | None = None
    """Web pages that may use it from a browser; read when the gateway starts."""
    trusted_proxies: tuple[Network, ...] = ()
    """Addresses or networks of proxies that an open gateway serves, if the client they name is on this machine."""
    others: Name | None = None
    """The deployment that every other path below `/v1` goes to; without one they are not found."""


class ControlSection(Section):
    """The control plane."""

    bind: str = "127.0.0.1:8081"
    """`host:port`."""
    trusted_proxies: tuple[Network, ...] = ()
    """Addresses or networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count at the sign-in."""
    body_grace: Seconds = USUAL_BODY_RATE.grace
    """Seconds in which a request's head must come, and stretches of its body as at the gateway."""
    min_body_rate: int = Field(default=USUAL_BODY_RATE.least, ge=1)
    """Bytes a second of a request body."""


class DashboardSection(Section):
    """The page for reviewers and release managers."""

    bind: str = "127.0.0.1:8501"
    """`host:port`."""
