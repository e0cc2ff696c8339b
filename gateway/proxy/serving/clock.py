"""What all connections of a worker share: who they are, and the time, told by whoever owns them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fairtrial.domain.body_rate import BodyRate
    from gateway.descriptors import Room
    from gateway.proxy.serving.connection import CallerConnection
    from gateway.proxy.serving.cors import Cors


class Clock(Protocol):
    """See above."""

    connections: set[CallerConnection]
    body_rate: BodyRate
    """The slowest that a body may come."""

    date: bytes
    """The ``date`` header, with its line's end."""

    now: float
    """The loop's time, a second old at the most."""

    cors: Cors | None
    """Which web pages may read answers."""

    def arrived(self, connection: CallerConnection, descriptor: int) -> Room:
        """A caller has connected; how much room there is for it."""
        ...

    def left(self, task: asyncio.Task[None]) -> None:
        """A caller has left; what serves it may go on for a while."""
        ...
