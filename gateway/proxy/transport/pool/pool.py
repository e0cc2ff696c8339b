"""The lean transport: a pool of plain HTTP/1.1 connections, the one used last first, with a fair queue at its limits.

**When a request is sent twice.** Once more at the most, on a fresh connection, and only after a reused one that closed
without a byte of an answer: if the server provably never read the request (`pool_delivery` says what proves it), or if
its method is safe (RFC 9110 §9.2.1). `UpstreamRequest.on_resend` is told. A connection that is known to have closed, or
that was idle for nearly as long as its server allows, is not used at all.

No redirects, no cookies, no proxies, nothing read from the environment but where the system keeps its certificates.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import OrderedDict, deque

from gateway.proxy.transport.pool.connection import PoolConnection
from gateway.proxy.transport.pool.dialing import Dialer
from gateway.proxy.transport.pool.response import PoolAnswer
from gateway.proxy.transport.pool.response_head import Origin, head, target
from gateway.proxy.transport.transport import TransportError, UpstreamRequest

IDLE_SECONDS = 4.0
"""Shorter than the five seconds after which common servers drop an idle connection, so that we drop it first."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing, however often they are sent."""

MAX_CONNECTIONS = 16384
MAX_PER_ORIGIN = 8192
Turn = asyncio.Future[PoolConnection | None]
"""What a request in the queue gets: a connection, or the right to open one."""


class PoolTransport:
    """See `Transport`; must be made inside a running loop."""

    def __init__(self, *, limit: int = MAX_CONNECTIONS, per_origin: int = MAX_PER_ORIGIN) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit, self._per_origin = limit, per_origin
        self._dialer = Dialer()
        self._tls: ssl.SSLContext | None = None
        self._idle: dict[Origin, OrderedDict[PoolConnection, None]] = {}
        self._open: dict[Origin, int] = {}
        self._count = 0
        self._connections: set[PoolConnection] = set()
        self._queue: deque[tuple[Origin, Turn]] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, request: UpstreamRequest) -> PoolAnswer:
        to = target(request.method, request.url)
        raw = head(to, request)
        headless = request.method == "HEAD"
        connection = self._used(to.origin)
        if connection is None:
            connection = await self._turn(to.origin)
        if connection is not None:
            try:
                return await connection.ask(raw, request.body, headless=headless)
            except TransportError as error:
                if self._closed or not (connection.unread or (connection.unanswered and request.method in SAFE)):
                    raise
                if request.on_resend is not None:
                    request.on_resend(error)
            await self._turn(to.origin, fresh=True)
        fresh = await self._connect(to.origin, request.connect_seconds)
        return await fresh.ask(raw, request.body, headless=headless)

    async def close(self) -> None:
        """Close every connection; answers that are being read break off."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for _, turn in self._queue:
            turn.cancel()
        for connection in list(self._connections):
            connection.drop()
        await asyncio.sleep(0)

    def _used(self, origin: Origin) -> PoolConnection | None:
        """The idle connection that was used last, if it is sound; those that aren't are closed on the way."""
        idle = self._idle.get(origin)
        while idle:
            connection, _ = idle.popitem()
            longest = min(IDLE_SECONDS, connection.patience)
            if self._loop.time() - connection.idle_since < longest and connection.usable():
                return connection
            connection.drop()
        return None

    async def _turn(self, origin: Origin, *, fresh: bool = False) -> PoolConnection | None:
        """Wait for a connection that is given back, or ``None`` for the right to open one, which is then taken."""
        if self._closed:
            raise TransportError("connect", "the transport is closed")
        if not self._queue and self._room(origin):
            self._take(origin)
            return None
        turn: Turn = self._loop.create_future()
        entry = (origin, turn)
        self._queue.append(entry)
        self._serve()
        try:
            connection = await turn
        except asyncio.CancelledError:
            if self._closed:
                raise TransportError("connect", "the transport is closed") from None
            with contextlib.suppress(ValueError):
                self._queue.remove(entry)
            if turn.done() and not turn.cancelled():
                self._return(origin, turn.result())
            raise
        if connection is None or (not fresh and connection.usable()):
            return connection
        if not connection.lost:
            connection.counted = False  # its place is ours now
            connection.drop()
            return None
        return await self._turn(origin, fresh=fresh)  # it broke after it was given, and its place went with it

    async def _connect(self, origin: Origin, seconds: float) -> PoolConnection:
        """A fresh connection, in a place that was taken before."""
        try:
            async with asyncio.timeout(seconds):
                dialled = await self._dialer.dial(origin)
                try:
                    _, connection = await self._loop.create_connection(
                        lambda: PoolConnection(origin, dialled, self._give_back, self._lost),
                        sock=dialled,
                        ssl=self._context() if origin.tls else None,
                        server_hostname=origin.host if origin.tls else None,
                    )
                except BaseException:
                    dialled.close()
                    raise
        except (OSError, UnicodeError) as error:  # TimeoutError and ssl.SSLError are of the first kind
            self._free(origin)
            name = type(error).__name__
            raise TransportError("connect", f"the upstream can't be reached ({name})") from error
        except BaseException:
            self._free(origin)
            raise
        self._connections.add(connection)
        if not origin.tls and not connection.usable():  # with TLS, the server's tickets come by themselves
            connection.drop()
            raise TransportError("bad_answer", "the upstream closed the connection, or spoke, before it was asked")
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def _give_back(self, connection: PoolConnection) -> None:
        """A connection may be used again: by the first that waits for its origin, else later."""
        for entry in self._queue:
            if entry[0] == connection.origin and not entry[1].done():
                self._queue.remove(entry)
                entry[1].set_result(connection)
                return
        connection.idle_since = self._loop.time()
        self._idle.setdefault(connection.origin, OrderedDict())[connection] = None
        if self._queue:
            self._serve()
        if self._sweep is None and not self._closed:
            self._sweep = self._loop.call_later(IDLE_SECONDS, self._swept)

    def _lost(self, connection: PoolConnection) -> None:
        self._connections.discard(connection)
        idle = self._idle.get(connection.origin)
        if idle:
            idle.pop(connection, None)
        if connection.counted:
            self._free(connection.origin)

    def _return(self, origin: Origin, given: PoolConnection | None) -> None:
        """Whoever was given this doesn't want it any more."""
        if given is None:
            self._free(origin)
        elif given.usable():
            self._give_back(given)
        else:
            given.drop()

    def _room(self, origin: Origin) -> bool:
        """Whether one more may be opened; an idle connection to elsewhere makes room for it."""
        if self._open.get(origin, 0) >= self._per_origin:
            return False
        if self._count < self._limit:
            return True
        longest = [next(iter(idle)) for idle in self._idle.values() if idle]
        if not longest:
            return False
        oldest = min(longest, key=lambda connection: connection.idle_since)
        oldest.counted = False
        self._uncount(oldest.origin)
        oldest.drop()
        return True

    def _take(self, origin: Origin) -> None:
        self._open[origin] = self._open.get(origin, 0) + 1
        self._count += 1

    def _uncount(self, origin: Origin) -> None:
        self._count -= 1
        self._open[origin] -= 1
        if not self._open[origin]:
            del self._open[origin]

    def _free(self, origin: Origin) -> None:
        self._uncount(origin)
        self._serve()

    def _serve(self) -> None:
        """Give places to those who wait, in their order; one whose origin is full does not hold up the others."""
        for entry in list(self._queue):
            origin, turn = entry
            if turn.done():
                self._queue.remove(entry)
            elif self._room(origin):
                self._queue.remove(entry)
                self._take(origin)
                turn.set_result(None)

    def _swept(self) -> None:
        """Close what has been idle too long, and look again while there is anything."""
        self._sweep = None
        until = self._loop.time() - IDLE_SECONDS
        for origin, idle in list(self._idle.items()):
            while idle and next(iter(idle)).idle_since <= until:
                idle.popitem(last=False)[0].drop()
            if not idle:
                del self._idle[origin]
        if self._idle:
            self._sweep = self._loop.call_later(IDLE_SECONDS / 4, self._swept)
