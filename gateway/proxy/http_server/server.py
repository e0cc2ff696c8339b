"""Runs the HTTP server of a worker and stops it gracefully: first readiness fails, then new requests do."""

import asyncio
import contextlib
import heapq
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable
from email.utils import formatdate

from fairtrial.domain.limits.server_settings import WorkerSettings
from gateway.process_resources import DescriptorReserve, Room
from gateway.proxy.admission.admission import Admission
from gateway.proxy.http_server.connection import HttpConnection
from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.wire.http import Cors

BACKLOG = 2048
POLL_SECONDS = 0.05
TICK_SECONDS = 0.5
IDLE_SECONDS = 75.0
"""How long a connection may stay without a request, and how long a head may take to arrive."""

YOUNG_SECONDS = 0.05
"""A younger connection is not closed to make room, because its request may be on the way."""

LAST_SECONDS = 2
"""Time for the last bytes: of responses that are broken off, and to clients that read slowly."""

_LOG = logging.getLogger(__name__)


class Server:
    """Listens until the end, so that late clients get an error. SIGTERM drains, however often; SIGQUIT ends at once.

    See `ServerState` for what it shares with its connections. ``serve`` is called with each request.
    """

    def __init__(
        self,
        serve: Callable[[RequestCycle], None],
        admission: Admission,
        settings: WorkerSettings,
        *,
        cors: Cors | None = None,
    ) -> None:
        self.connections: set[HttpConnection] = set()
        self.date = b""
        self.now = 0.0
        self.cors = cors
        self.body_rate = settings.body_rate
        self._serve = serve
        self._reserve = DescriptorReserve(resource.getrlimit(resource.RLIMIT_NOFILE)[0], service="gateway", log=_LOG)
        self._listening: socket.socket | None = None
        self._left: set[asyncio.Task[None]] = set()
        self._admission = admission
        self._settings = settings
        self._stopping = asyncio.Event()
        self._at_once = False

    async def run(self, listening: socket.socket) -> None:
        """Serve until a signal, then stop. Must be called in the main thread."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.add_signal_handler(signal.SIGQUIT, self.stop_at_once)
        loop.add_signal_handler(signal.SIGINT, lambda: None)  # the supervisor handles a terminal's Ctrl-C
        self._listening = listening
        self._on_tick()
        ticking = asyncio.create_task(self._tick())
        listener = await loop.create_server(lambda: HttpConnection(self, self._serve), sock=listening, backlog=BACKLOG)
        try:
            await self._stopping.wait()
            await self._drain()
        finally:
            listener.close()
            await self._end()
            ticking.cancel()

    def stop(self) -> None:
        """Begin to stop. Readiness fails first, before anything else changes."""
        if not self._stopping.is_set():
            self._admission.stage = "leaving" if self._settings.grace else "draining"
            self._stopping.set()

    def stop_at_once(self) -> None:
        """Stop, and break off the requests that are still served."""
        self._at_once = True
        self.stop()

    def arrived(self, connection: HttpConnection, descriptor: int) -> Room:
        """See `ServerState`. At the limit of open files, idle connections are closed to make room."""
        room = self._reserve.room(descriptor, self.now)
        if room != "free":
            connection.idle_since = asyncio.get_running_loop().time()
            self._make_room()
        self.connections.add(connection)
        return room

    def left(self, task: asyncio.Task[None]) -> None:
        """See `ServerState`: it may read a response to its end without its client, and is stopped like the rest."""
        self._left.add(task)
        task.add_done_callback(self._left.discard)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._on_tick()

    def _on_tick(self) -> None:
        """Update the clock and close connections that have been idle too long."""
        self.now = asyncio.get_running_loop().time()
        self.date = b"date: %b\r\n" % formatdate(usegmt=True).encode()
        for connection in list(self.connections):
            if connection.serving is None and self.now - connection.idle_since > IDLE_SECONDS:
                connection.end_idle(self.now)
            else:
                connection.check_body_rate(self.now)
        self._admission.short = self._room() != "free" and not self._make_room()

    def _room(self) -> Room:
        """Whether the next descriptor would belong to the reserve. Upstream connections take descriptors too."""
        if self._listening is None:
            return "free"
        try:
            probe = os.dup(self._listening.fileno())
        except OSError:
            return "none"
        os.close(probe)
        return self._reserve.room(probe, self.now)

    def _make_room(self) -> bool:
        """Close those connections that have been idle longest; false if there are none."""
        now = asyncio.get_running_loop().time()
        idle = [
            http_connection
            for http_connection in self.connections
            if http_connection.serving is None and now - http_connection.idle_since > YOUNG_SECONDS
        ]
        for connection in heapq.nsmallest(
            1 + len(idle) // 16, idle, key=lambda http_connection: http_connection.idle_since
        ):
            connection.end_idle(now)
        return bool(idle)

    async def _drain(self) -> None:
        admission = self._admission
        if self._settings.grace:
            await self._wait(self._settings.grace, lambda: False)
        admission.stage = "draining"
        for connection in [
            http_connection for http_connection in self.connections if http_connection.serving is not None
        ]:
            connection.close_soon()  # the others stay open, so that a client that uses them gets an error
        await self._wait(self._settings.drain, self._idle)
        if not self._idle():
            _LOG.warning("%d requests are broken off: they did not end in time", admission.in_flight)
            admission.stage = "ending"
            self._cancel()
            self._at_once = False
            await self._wait(LAST_SECONDS, self._idle)

    async def _end(self) -> None:
        """Close the remaining connections, and give clients that read slowly a last moment."""
        for connection in list(self.connections):
            connection.close_soon()
        await self._wait(LAST_SECONDS, lambda: not self.connections)
        for connection in list(self.connections):
            connection.abort()
        self._cancel()
        await asyncio.sleep(0)

    def _cancel(self) -> None:
        for connection in list(self.connections):
            if connection.serving is not None and connection.serving.task is not None:
                connection.serving.task.cancel()
        for task in list(self._left):
            task.cancel()

    def _idle(self) -> bool:
        """Whether every response was sent. A slow reader's response is in progress until its last byte."""
        return self._admission.in_flight == 0 and not any(connection.unsent for connection in self.connections)

    async def _wait(self, seconds: float, enough: Callable[[], bool]) -> None:
        """Wait until it is enough, the time is over, or the server stops at once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not enough() and not self._at_once:  # noqa: ASYNC110 - what is enough is not one event
                    await asyncio.sleep(POLL_SECONDS)
