"""Runs one llama.cpp process, and schedules requests on several of them so that each keeps its adapter if possible."""

import asyncio
import os
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import aiohttp

from fairtrial.domain.errors import Unavailable, UsageError
from gateway.models.catalogue import Catalogue

PROGRAM = "gateway.models.engine_program"
ROOT = Path(__file__).parents[2]
START_WITHIN_S = 60.0
PAUSES_S = (0.1, 0.5, 2.0, 10.0)
MIN_LENGTH = 200
"""The length in characters above which computing a system prompt costs more than a primer."""
SIGN = "§"
BATCH = 32
BATCH_S = 5.0
MAX_WAITING = 2048
ENGINE_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class EngineRecipe:
    """How engines are started; ``log`` is the file for llama.cpp's output (``None``: discarded)."""

    catalogue: Catalogue
    threads: int = 1
    log: Path | None = None

    def command(self, tell: int) -> list[str]:
        adapters = [part for file in self.catalogue.adapters.values() for part in ("--adapter", str(file))]
        base = ["--base", str(self.catalogue.base), *adapters, "--threads", str(self.threads)]
        return [sys.executable, "-m", PROGRAM, *base, "--parent", str(os.getpid()), "--tell", str(tell)]


class Engine:
    """``url`` is where it listens, ``None`` while it is down; ``changed`` is called when it is up again.

    ``primed`` is what its cache holds (see `prefix`).
    """

    def __init__(self, number: int, recipe: EngineRecipe) -> None:
        self.number = number
        self.url: str | None = None
        self.restarts = 0
        self.primed: tuple[str, str] | None = None
        self.changed: Callable[[], None] = lambda: None
        self._recipe = recipe
        self._running: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._running.pid if self._running else None

    async def start(self) -> None:
        """Start the process and wait until it listens; raises `UsageError` if it exits."""
        await self._launch()
        self._watch = asyncio.create_task(self._keep_up())

    async def stop(self) -> None:
        if self._watch:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        await self._end()

    async def _launch(self) -> None:
        hear, tell = os.pipe()
        try:
            self._running = await self._spawn(tell)
        finally:
            os.close(tell)
        with os.fdopen(hear, "rb") as address_line:
            try:
                line = await asyncio.wait_for(asyncio.to_thread(address_line.readline), START_WITHIN_S)
            except TimeoutError:
                line = b""
                await self._end()
        if not line:
            code = await self._running.wait()
            raise UsageError(f"engine {self.number}: llama.cpp exited with {code} ({self._log_hint()})")
        self.primed = None
        self.url = line.decode().strip()
        self.changed()

    async def _spawn(self, tell: int) -> asyncio.subprocess.Process:
        output = self._recipe.log.open("ab") if self._recipe.log else None
        try:
            return await asyncio.create_subprocess_exec(
                *self._recipe.command(tell),
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.DEVNULL,
                stderr=output or subprocess.DEVNULL,
                pass_fds=(tell,),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.getenv("PYTHONPATH"))))},
            )
        finally:
            if output:
                output.close()

    async def _keep_up(self) -> None:
        """Restart the process whenever it exits, with increasing delays if it exits at once."""
        failed = 0
        while self._running:
            await self._running.wait()
            self.url = None
            await asyncio.sleep(PAUSES_S[min(failed, len(PAUSES_S) - 1)])
            self.restarts += 1
            try:
                await self._launch()
                failed = 0
            except UsageError:
                failed += 1

    async def _end(self) -> None:
        self.url = None
        if self._running and self._running.returncode is None:
            with suppress(ProcessLookupError):
                self._running.kill()
            await self._running.wait()

    def _log_hint(self) -> str:
        return f"its log is {self._recipe.log}" if self._recipe.log else "to keep its log: --log FILE"


# Caches the computed system prompt between requests without changing any answer.
#
# llama.cpp caches the common prefix of two successive prompts. A token's activations depend slightly on the batch in
# which it was computed. So even at temperature 0, the answer would depend on the previous request: 9 of 14 answers of
# the base changed. Here the cache always holds exactly the system prompt, computed in the same batch. To achieve that,
# a primer is sent before each request: the system prompt and a character with which no message starts.


async def prime(client: aiohttp.ClientSession, engine: Engine, path: str, request: Mapping[str, Any]) -> bool:
    """Prime the engine; returns whether its cache holds the system prompt of the request.

    Raises `aiohttp.ClientError` if the engine has failed.
    """
    system = _system(request)
    if system is None or request.get("logprobs"):
        engine.primed = None
        return False
    prefix = (repr(request["lora"]), system)
    known, engine.primed = engine.primed == prefix, None
    async with client.post(f"{engine.url}{path}", json=_primer(system, request, cached=known)) as answer:
        await answer.read()
        if answer.status != 200:
            return False
    engine.primed = prefix
    return True


def _system(request: Mapping[str, Any]) -> str | None:
    """The system prompt at the start of the messages, if it is long enough."""
    first = (request.get("messages") or [None])[0]
    if not isinstance(first, Mapping) or first.get("role") != "system":
        return None
    content = first.get("content")
    return content if isinstance(content, str) and len(content) >= MIN_LENGTH else None


def _primer(system: str, request: Mapping[str, Any], *, cached: bool) -> dict[str, Any]:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": SIGN}]
    return {"messages": messages, "max_tokens": 1, "temperature": 0, "lora": request["lora"], "cache_prompt": cached}


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
class EngineTicket(Generic[E]):
    """A waiting request; ``seat`` is set when an engine is free."""

    number: int
    seat: asyncio.Future[Seat[E]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Affinity(Generic[E]):
    """Assigns engines to requests; ``clock`` returns monotonic seconds."""

    def __init__(self, engines: Sequence[E], clock: Callable[[], float]) -> None:
        self._seats = [Seat(engine) for engine in engines]
        self._waiting: dict[Hashable, deque[EngineTicket[E]]] = {}
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
        ticket: EngineTicket[E] = EngineTicket(self._tickets)
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

    def _withdraw(self, queue: Hashable, ticket: EngineTicket[E]) -> None:
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
        held = {taken.queue for taken in self._seats if taken is not seat and taken.engine.url}
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
