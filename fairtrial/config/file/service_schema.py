"""Defines the sections of `fairtrial.yaml` about the services: gateway, control and dashboard."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fairtrial.config.file.section import Section
from fairtrial.domain.limits.body_rate import USUAL_BODY_RATE
from fairtrial.domain.limits.worker_settings import TransportName
from fairtrial.domain.plan_parts.setting_types import Name, Network, Seconds, Wait


class CorsSection(Section):
    """Web pages that may use the gateway from a browser, without cookies. Without this section, none may."""

    origins: list[Name] = Field(min_length=1)
    """Their origins, such as `https://app.example`; `*` means every page, and is allowed only if callers need a key."""


class GatewaySection(Section):
    """The data plane. With `open`, every caller may do everything; it is for loopback addresses only."""

    bind: str = "127.0.0.1:8080"
    """`host:port`."""
    auth: Literal["open", "keys"] | None = None
    """By default `open` on loopback, where every caller may do everything, and `keys` elsewhere."""
    workers: int = Field(default=2, ge=1, le=256)
    """Number of processes that share the port."""
    max_body_mb: int = Field(default=32, ge=1, le=1024)
    """The largest request body, in MiB."""
    max_in_flight: int = Field(default=1024, ge=1)
    """Concurrent requests in each worker; further ones get a 503 with `Retry-After`."""
    max_bodies_mb: int = Field(default=1024, ge=1, le=2**20)
    """MiB of large request bodies in each worker at a time; further ones get a 503 with `Retry-After`."""
    max_share_per_key: int = Field(default=90, ge=1, le=100)
    """Percent of `max_in_flight` and `max_bodies_mb` that one key may use; above it callers get a 429. Without keys:
    100.
    """
    body_grace: Seconds = USUAL_BODY_RATE.grace
    """Seconds: in each such period, a request body must end or arrive at `min_body_rate`; otherwise a 408."""
    min_body_rate: int = Field(default=USUAL_BODY_RATE.least, ge=1)
    """Bytes per second."""
    keepalive: Wait = 15.0
    """Seconds of silence after which a stream gets a comment, which clients skip; 0 for none."""
    grace: Wait = 0.0
    """Seconds for which a stopping gateway still serves new requests, while `/readyz` fails."""
    drain: Wait = 30.0
    """Further seconds in which answers that have begun may finish."""
    transport: TransportName = "pool"
    """The client for upstreams: `pool` is fast and strict; `aiohttp` is slower and accepts more malformed answers."""
    cors: CorsSection | None = None
    """Web pages that may use the gateway from a browser; read when the gateway starts."""
    trusted_proxies: tuple[Network, ...] = ()
    """Addresses or networks of proxies that an open gateway serves, if the client they name is on this machine."""
    others: Name | None = None
    """The deployment for every other path below `/v1`; without one, these paths are not found."""


class ControlSection(Section):
    """The control plane."""

    bind: str = "127.0.0.1:8081"
    """`host:port`."""
    trusted_proxies: tuple[Network, ...] = ()
    """Addresses or networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted when signing in."""
    body_grace: Seconds = USUAL_BODY_RATE.grace
    """Seconds in which a request's head must arrive; for the body it works as at the gateway."""
    min_body_rate: int = Field(default=USUAL_BODY_RATE.least, ge=1)
    """Bytes per second of a request body."""


class DashboardSection(Section):
    """The web page for reviewers and release managers."""

    bind: str = "127.0.0.1:8501"
    """`host:port`."""
