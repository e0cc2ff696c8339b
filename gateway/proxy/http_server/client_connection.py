"""Defines what a request needs of its client's connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


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

    def limit_reading(self, *, unread: int) -> None:
        """Pause reading while too much is unread, and resume it afterwards."""
        ...

    def address(self, name: str) -> tuple[str, int] | None: ...

    def response_complete(self) -> None:
        """Serve the next request."""
        ...
