"""Adds timeouts and size limits for incoming requests to uvicorn, and control's error format for malformed ones.

uvicorn alone waits forever for a request that is only half sent.
"""

import asyncio
import heapq
from dataclasses import dataclass
from typing import Any

import httptools
import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from fairtrial.domain.limits.server_settings import BodyRate, BodyWatch
from fairtrial.uvicorn_server import WokenServer
from gateway.process_resources import DescriptorReserve
from gateway.proxy.wire.http import NOT_HTTP, TWO_HOSTS, wrong_coding

HEAD_LIMIT = 2**18
"""Maximum bytes of a request head."""

HEADERS_LIMIT = 256
MIN_IDLE_SECONDS = 0.05
"""A younger connection is not closed to make room, because its request may still be arriving."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits that all connections share: the minimum body rate and the reserve of file descriptors."""

    body_rate: BodyRate
    reserve: DescriptorReserve


class ControlConfig(uvicorn.Config):
    """uvicorn's configuration with the limits that `ControlConnection` enforces."""

    def __init__(self, app: Any, limits: ConnectionLimits, **settings: Any) -> None:
        super().__init__(app, http=ControlConnection, ws="none", **settings)
        self.limits = limits


class ControlConnection(HttpToolsProtocol):
    """One HTTP connection with timeouts, size limits and control's error format."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        assert isinstance(self.config, ControlConfig)
        self._limits = self.config.limits
        self._body_watch = BodyWatch()
        self._unread: RequestResponseCycle | None = None
        """The request whose body is incomplete."""
        self._head = 0
        """Bytes received of an incomplete head."""
        self._reserved = False
        self._why = NOT_HTTP
        self.since = self.loop.time()
        """When it last became idle."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        self.since = self.loop.time()
        room = self._limits.reserve.room(transport.get_extra_info("socket").fileno(), self.since)
        if room != "free":
            evict_connections(
                [connection for connection in self.connections if isinstance(connection, ControlConnection)], self.since
            )
        self._reserved = room == "reserved"
        super().connection_made(transport)
        if room == "none":
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._unread is not None:
            self._body_watch.came += len(data)
        super().data_received(data)
        if self._head:
            self._head += len(data)
            if self._head > HEAD_LIMIT and not self.transport.is_closing():
                self.send_400_response("the head is too large")

    def on_message_begin(self) -> None:
        self._head = 1
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head:
            return  # a trailer, which is ignored
        if len(self.headers) >= HEADERS_LIMIT:
            self._reject("too many headers")
        super().on_header(name, value)
        if self.headers[-1][0] == b"host" and any(known == b"host" for known, _ in self.headers[:-1]):
            self._reject(TWO_HOSTS)

    def on_headers_complete(self) -> None:
        self._head = 0
        if (wrong := wrong_coding(self._header(b"transfer-encoding"), self._header(b"te"))) is not None:
            self._reject(wrong)
        super().on_headers_complete()
        self._unread = self.cycle
        if self._reserved:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._unread = None

    def on_response_complete(self) -> None:
        self.since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Replaces uvicorn's text with the actual problem, in control's error format."""
        self._respond_and_close(400, self._why if msg.startswith("Invalid HTTP") else msg)

    def check_timeouts(self, now: float) -> None:
        """Close the connection if a head or a body arrives too slowly."""
        unread = self._unread
        uninvited = unread is not None and unread.waiting_for_100_continue and not unread.response_started
        held_back = self.flow.read_paused or uninvited
        if self._body_watch.too_slow(unread, self._limits.body_rate, now=now, held_back=held_back):
            self.time_out("the request body stopped or arrived too slowly")
        elif self.idle and now - self.since > self._limits.body_rate.grace:
            self.time_out("the request did not arrive in time")

    @property
    def idle(self) -> bool:
        """Whether no request is being received or answered, apart from an incomplete head."""
        return self._unread is None and (self.cycle is None or self.cycle.response_complete)

    @property
    def half_sent(self) -> bool:
        """Whether the body of a request is incomplete."""
        return self._unread is not None

    def time_out(self, why: str) -> None:
        """Close the connection, with a 408 if a request was started and not answered."""
        cycle = self._unread
        begun = self._head > 0 if cycle is None else not cycle.response_started and not self.pipeline
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        if begun and not self.transport.is_closing():
            self._respond_and_close(408, why)
        else:
            self.transport.close()

    def _header(self, name: bytes) -> bytes | None:
        values = [value for header, value in self.headers if header == name]
        return b", ".join(values) if values else None

    def _reject(self, why: str) -> None:
        self._why = why
        raise httptools.HttpParserError(why)

    def _respond_and_close(self, status: int, why: str) -> None:
        """Send an error as the last response of this connection."""
        error = {"message": f"{why}; the connection is closed", "type": "invalid_request_error"}
        body = msgspec.json.encode({"error": error})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + head % len(body) + body)
        self.transport.close()


def evict_connections(connections: list[ControlConnection], now: float) -> None:
    """Close the connections that have been idle longest, or else those with an incomplete request."""
    old = [connection for connection in connections if now - connection.since > MIN_IDLE_SECONDS]
    some = [connection for connection in old if connection.idle] or [
        connection for connection in old if connection.half_sent
    ]
    for connection in heapq.nsmallest(1 + len(some) // 16, some, key=lambda connection: connection.since):
        connection.time_out("control has reached its limit of open files")


class ControlServer(WokenServer):
    """uvicorn's server, which checks the timeouts of its connections twice a second."""

    async def on_tick(self, counter: int) -> bool:
        """Called twice a second. Returns whether the server should stop."""
        now = asyncio.get_running_loop().time()
        for connection in list(self.server_state.connections):
            if isinstance(connection, ControlConnection):
                connection.check_timeouts(now)
        return await super().on_tick(counter)
