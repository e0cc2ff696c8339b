"""Defines what a request needs of its client's connection, and what all connections of a worker share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from fairtrial.domain.limits.server_settings import BodyRate
    from gateway.process_resources import Room
    from gateway.proxy.wire.http import Cors

C = TypeVar("C")
"""The class of the connections, which itself holds this state."""


class RequestSequence(Protocol):
    """The requests of one connection, as the application serves them."""

    def begin(self, cycle: Any) -> None:
        """Serve the next request, a `RequestCycle`."""
        ...

    def end(self) -> None:
        """Note that the connection is lost."""
        ...


class ClientConnection(Protocol):
    """The connection of one client."""

    requests: RequestSequence | None
    """Set by the application with the first request, and told of the connection's end."""

    @property
    def date(self) -> bytes:
        """The ``date`` header, with its line end."""
        ...

    @property
    def reserved(self) -> bool:
        """Whether its descriptor belongs to the reserve."""
        ...

    @property
    def full(self) -> bool:
        """Whether the write buffer is full, because the client does not read."""
        ...

    async def drain(self) -> None:
        """Wait until the write buffer has room, or the client has disconnected."""
        ...

    async def wait_until_sent(self, *, idle: float) -> None:
        """Wait until most of the response is sent. A client that reads nothing for ``idle`` seconds is disconnected."""
        ...

    @property
    def write(self) -> Callable[[bytes], None]:
        """The transport's own method, which saves a call."""
        ...

    def close(self) -> None:
        """Close after the written bytes are sent."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...

    def hold(self, flush: Callable[[], None]) -> Callable[[], None]:
        """Hold what is written until the returned function is called. ``flush`` makes that happen now."""
        ...

    def resume_reading(self) -> None:
        """Read on if reading paused, because what had arrived of a body was taken."""
        ...

    def address(self, name: str) -> tuple[str, int] | None: ...

    def response_complete(self) -> None:
        """Serve the next request."""
        ...


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
