"""Defines what all connections of a worker share: the set of them, the time, and the settings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from fairtrial.domain.limits.body_rate import BodyRate
    from gateway.process_resources import Room
    from gateway.proxy.wire.cors import Cors

C = TypeVar("C")
"""The class of the connections, which itself holds this state."""


class ServerState(Protocol[C]):
    """The state of a worker's HTTP server."""

    connections: set[C]
    body_rate: BodyRate
    """The slowest rate at which a body may arrive."""

    date: bytes
    """The ``date`` header, with its line end."""

    now: float
    """The loop's time, at most a second old."""

    cors: Cors | None
    """Which web pages may read responses."""

    def arrived(self, connection: C, descriptor: int) -> Room:
        """Add a new connection; returns whether there is room for it."""
        ...

    def left(self, task: asyncio.Task[None]) -> None:
        """Keep track of a task whose client has left and that may continue for a while."""
        ...
