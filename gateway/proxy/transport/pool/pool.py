"""Implements the default transport: a last-in-first-out pool of HTTP/1.1 connections, with a queue at its limits."""

import asyncio
import contextlib
import ssl
from collections import OrderedDict, deque

from gateway.proxy.transport.pool.connection import PoolConnection
from gateway.proxy.transport.pool.messages import Origin, PoolResponse, head, request_line
from gateway.proxy.transport.tcp import Dialer
from gateway.proxy.transport.transport import TransportError, UpstreamRequest

IDLE_SECONDS = 4.0
"""Shorter than the five seconds after which common servers drop an idle connection, so that this side closes first."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing, however often they are sent."""

MAX_CONNECTIONS = 16384
MAX_PER_ORIGIN = 8192
Slot = asyncio.Future[PoolConnection | None]
"""What a queued request gets: a connection, or the right to open one."""


class PoolTransport:
    """See `Transport`. It must be made inside a running loop.

    A request is sent twice at most, the second time on a fresh connection, and only after a reused one that closed
    without a byte of a response. Also, the server must provably not have read it (`never_read`), or its method must be
    safe (RFC 9110 §9.2.1). `UpstreamRequest.on_resend` is called first. A connection that was idle for nearly as long
    as its server allows is not used. There are no redirects, no cookies, no proxies and no environment settings but
    certificates.
    """

    def __init__(self, *, limit: int = MAX_CONNECTIONS, per_origin: int = MAX_PER_ORIGIN) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit, self._per_origin = limit, per_origin
        self._dialer = Dialer()
        self._tls: ssl.SSLContext | None = None
        self._idle: dict[Origin, OrderedDict[PoolConnection, None]] = {}
        self._open: dict[Origin, int] = {}
        self._count = 0
        self._connections: set[PoolConnection] = set()
        self._queue: deque[tuple[Origin, Slot]] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, request: UpstreamRequest) -> PoolResponse:
        to = request_line(request.method, request.url)
        raw = head(to, request)
        headless = request.method == "HEAD"
        connection = self._used(to.origin)
        if connection is None:
            connection = await self._acquire_slot(to.origin)
        if connection is not None:
            try:
                return await connection.ask(raw, request.body, headless=headless)
            except TransportError as error:
                if self._closed or not (connection.unread or (connection.unanswered and request.method in SAFE)):
                    raise
                if request.on_resend is not None:
                    request.on_resend(error)
            await self._acquire_slot(to.origin, fresh=True)
        fresh = await self._connect(to.origin, request.connect_seconds)
        return await fresh.ask(raw, request.body, headless=headless)

    async def close(self) -> None:
        """Close every connection. Responses that are being read break off."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for _, slot in self._queue:
            slot.cancel()
        for connection in list(self._connections):
            connection.drop()
        await asyncio.sleep(0)

    def _used(self, origin: Origin) -> PoolConnection | None:
        """The idle connection that was used last, if it is usable. Unusable ones are closed on the way."""
        idle = self._idle.get(origin)
        while idle:
            connection, _ = idle.popitem()
            longest = min(IDLE_SECONDS, connection.patience)
            if self._loop.time() - connection.idle_since < longest and connection.usable():
                return connection
            connection.drop()
        return None

    async def _acquire_slot(self, origin: Origin, *, fresh: bool = False) -> PoolConnection | None:
        """Wait for a returned connection, or for ``None``: the right to open one, which is then taken."""
        if self._closed:
            raise TransportError("connect", "the transport is closed")
        if not self._queue and self._room(origin):
            self._take(origin)
            return None
        slot: Slot = self._loop.create_future()
        entry = (origin, slot)
        self._queue.append(entry)
        self._serve()
        try:
            connection = await slot
        except asyncio.CancelledError:
            if self._closed:
                raise TransportError("connect", "the transport is closed") from None
            with contextlib.suppress(ValueError):
                self._queue.remove(entry)
            if slot.done() and not slot.cancelled():
                self._return(origin, slot.result())
            raise
        if connection is None or (not fresh and connection.usable()):
            return connection
        if not connection.lost:
            connection.counted = False  # this request takes over its slot
            connection.drop()
            return None
        return await self._acquire_slot(
            origin, fresh=fresh
        )  # it broke after it was handed over, and its slot went with it

    async def _connect(self, origin: Origin, seconds: float) -> PoolConnection:
        """A fresh connection, in a slot that was taken before."""
        try:
            async with asyncio.timeout(seconds):
                dialled = await self._dialer.dial(origin.host, origin.port)
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
        except (OSError, UnicodeError) as error:  # TimeoutError and ssl.SSLError are kinds of OSError
            self._free(origin)
            name = type(error).__name__
            raise TransportError("connect", f"the upstream can't be reached ({name})") from error
        except BaseException:
            self._free(origin)
            raise
        self._connections.add(connection)
        if not origin.tls and not connection.usable():  # with TLS, the server's tickets arrive unrequested
            connection.drop()
            raise TransportError("bad_answer", "the upstream closed the connection, or sent data, before a request")
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    def _give_back(self, connection: PoolConnection) -> None:
        """Hand a reusable connection to the first request that waits for its origin, else keep it for later."""
        for entry in self._queue:
            if entry[0] == connection.origin and not entry[1].done():
                self._queue.remove(entry)
                entry[1].set_result(connection)
                return
        connection.idle_since = self._loop.time()
        idle = self._idle.get(connection.origin)
        if idle is None:
            idle = self._idle[connection.origin] = OrderedDict()
        idle[connection] = None
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
        """Take back what a cancelled request was given."""
        if given is None:
            self._free(origin)
        elif given.usable():
            self._give_back(given)
        else:
            given.drop()

    def _room(self, origin: Origin) -> bool:
        """Whether one more may be opened. An idle connection to another origin makes room for it."""
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
        """Give slots to the waiting requests, in their order. One whose origin is full does not delay the others."""
        for entry in list(self._queue):
            origin, slot = entry
            if slot.done():
                self._queue.remove(entry)
            elif self._room(origin):
                self._queue.remove(entry)
                self._take(origin)
                slot.set_result(None)

    def _swept(self) -> None:
        """Close what has been idle too long, and come back while anything is left."""
        self._sweep = None
        until = self._loop.time() - IDLE_SECONDS
        for origin, idle in list(self._idle.items()):
            while idle and next(iter(idle)).idle_since <= until:
                idle.popitem(last=False)[0].drop()
            if not idle:
                del self._idle[origin]
        if self._idle:
            self._sweep = self._loop.call_later(IDLE_SECONDS / 4, self._swept)
