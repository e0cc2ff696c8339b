"""What all connections of a worker share: who they are, and the time, told by whoever owns them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from fairtrial.domain.limits.body_rate import BodyRate
    from gateway.descriptors import Room
    from gateway.proxy.wire.cors import Cors

C = TypeVar("C")
"""The connections' class, which itself holds this state."""


class Clock(Protocol[C]):
    """See above."""

    connections: set[C]
    body_rate: BodyRate
    """The slowest that a body may come."""

    date: bytes
    """The ``date`` header, with its line's end."""

    now: float
    """The loop's time, a second old at the most."""

    cors: Cors | None
    """Which web pages may read answers."""

    def arrived(self, connection: C, descriptor: int) -> Room:
        """A caller has connected; how much room there is for it."""
        ...

    def left(self, task: asyncio.Task[None]) -> None:
        """A caller has left; what serves it may go on for a while."""
        ...
