"""Schedules requests on engines, one at a time each, and keeps each engine on its adapter if possible.

llama.cpp loses its cached prompt when the adapter changes, and gains nothing from batching on a CPU.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from fairtrial.domain.errors import Unavailable

BATCH = 32
BATCH_S = 5.0
MAX_WAITING = 2048
ENGINE_WITHIN_S = 30.0


class Reachable(Protocol):
    """What the scheduler knows about an engine: it is up while it has a ``url``."""

    url: str | None


E = TypeVar("E", bound=Reachable)


@dataclass(slots=True)
class Seat(Generic[E]):
    """An engine's state: the adapter that it holds, and the progress of its batch."""

    engine: E
    queue: Hashable = None
    busy: bool = False
    served: int = 0
    since: float = 0.0


@dataclass(slots=True)
class Ticket(Generic[E]):
    """A waiting request; ``seat`` is set when an engine is free."""

    number: int
    seat: asyncio.Future[Seat[E]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Affinity(Generic[E]):
    """Assigns engines to requests; ``clock`` returns monotonic seconds."""

    def __init__(self, engines: Sequence[E], clock: Callable[[], float]) -> None:
        self._seats = [Seat(engine) for engine in engines]
        self._waiting: dict[Hashable, deque[Ticket[E]]] = {}
        self._clock = clock
        self._tickets = 0

    @property
    def waiting(self) -> int:
        return sum(len(tickets) for tickets in self._waiting.values())

    @asynccontextmanager
    async def turn(self, queue: Hashable) -> AsyncIterator[E]:
        """An engine for one request; raises `Unavailable` if too many requests wait or no engine starts."""
        if self.waiting >= MAX_WAITING:
            raise Unavailable(f"{MAX_WAITING} requests are already waiting", code="overloaded")
        seat = await self._seat(queue)
        try:
            yield seat.engine
        finally:
            seat.busy = False
            self.dispatch()

    def dispatch(self) -> None:
        """Give every free engine its next request; also called whenever an engine comes up."""
        while self._waiting:
            free = [seat for seat in self._seats if not seat.busy and seat.engine.url]
            choices = [(seat, queue) for seat in free if (queue := self._next_for(seat)) is not None]
            if not choices:
                return
            seat, queue = next((pair for pair in choices if pair[0].queue == pair[1]), choices[0])
            self._give(seat, queue)

    async def _seat(self, queue: Hashable) -> Seat[E]:
        self._tickets += 1
        ticket: Ticket[E] = Ticket(self._tickets)
        self._waiting.setdefault(queue, deque()).append(ticket)
        self.dispatch()
        try:
            while not ticket.seat.done():
                await asyncio.wait({ticket.seat}, timeout=ENGINE_WITHIN_S)
                if not ticket.seat.done() and not any(seat.engine.url for seat in self._seats):
                    raise Unavailable("no engine is running (llama.cpp keeps exiting; see its log)", code="no_engine")
        except BaseException:
            self._withdraw(queue, ticket)
            raise
        return ticket.seat.result()

    def _withdraw(self, queue: Hashable, ticket: Ticket[E]) -> None:
        """Remove a cancelled request from the queue, or release the engine that it has just got."""
        if ticket.seat.done():
            ticket.seat.result().busy = False
            self.dispatch()
            return
        self._waiting[queue].remove(ticket)
        if not self._waiting[queue]:
            del self._waiting[queue]

    def _next_for(self, seat: Seat[E]) -> Hashable:
        """The queue that this engine should serve next, or ``None``."""
        held = {other.queue for other in self._seats if other is not seat and other.engine.url}
        alone = [queue for queue in self._waiting if queue not in held]
        others = [queue for queue in alone if queue != seat.queue]
        if seat.queue in self._waiting and not (others and self._is_over(seat)):
            return seat.queue
        return min(others or alone or self._waiting, key=lambda queue: self._waiting[queue][0].number, default=None)

    def _is_over(self, seat: Seat[E]) -> bool:
        return seat.served >= BATCH or self._clock() - seat.since >= BATCH_S

    def _give(self, seat: Seat[E], queue: Hashable) -> None:
        tickets = self._waiting[queue]
        ticket = tickets.popleft()
        if not tickets:
            del self._waiting[queue]
        if seat.queue != queue or self._is_over(seat):
            seat.served, seat.since = 0, self._clock()
        seat.queue, seat.busy, seat.served = queue, True, seat.served + 1
        ticket.seat.set_result(seat)
