"""Defines the sections of `fairtrial.yaml` about the services: gateway, control and dashboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import Field

from fairtrial.config.file.section import Section
from fairtrial.domain.limits.body_rate import USUAL_BODY_RATE
from fairtrial.domain.limits.worker_settings import WorkerSettings
from fairtrial.domain.names.addresses import Address, parse_address
from fairtrial.domain.settings import Network, Seconds

Access = Literal["open", "keys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySection(WorkerSettings):
    """The data plane. With `open`, every caller may do everything; it is for loopback addresses only."""

    bind: str = "127.0.0.1:8080"
    """`host:port`."""
    auth: Access | None = None
    """By default `open` on loopback, where every caller may do everything, and `keys` elsewhere."""
    workers: Annotated[int, Ge(1), Le(256)] = 2
    """Number of processes that share the port."""
    max_body_mb: Annotated[int, Ge(1), Le(1024)] = 32
    """The largest request body, in MiB."""

    @property
    def address(self) -> Address:
        """Where it listens; raises `ValueError` if ``bind`` is not an address."""
        return parse_address(self.bind)

    @property
    def access(self) -> Access:
        """As ``auth``, or its default; raises `ValueError` as `address` does."""
        return self.auth or ("open" if self.address.loopback else "keys")


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
