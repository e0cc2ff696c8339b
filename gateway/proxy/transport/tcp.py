"""Connects TCP sockets to a host, and finds out from the kernel how far a request got on one."""

import asyncio
import contextlib
import math
import re
import socket
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

NAME_SECONDS = 30.0
NEXT_ADDRESS_SECONDS = 0.25
"""How long an address may take before the next one is tried in parallel (RFC 8305)."""

Address = tuple[int, Any]
"""A family, and the address that `connect` of that family takes."""

TCP_INFO = 11
"""Linux's socket option: a ``struct tcp_info``."""

_ACKED = struct.Struct("120xQ")
"""``tcpi_bytes_acked``."""

_SENT = struct.Struct("200xQ")
"""``tcpi_bytes_sent``."""

_TIMEOUT = re.compile(rb"timeout\s*=\s*\"?(\d{1,6})", re.IGNORECASE)
_MARGIN = 1.0


class Dialer:
    """Caches the addresses of names, and starts each time with the next of them, so that load spreads."""

    __slots__ = ("_known", "_turn")

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[float, list[Address]]] = {}
        self._turn = 0

    async def dial(self, host: str, port: int) -> socket.socket:
        """A connected socket; the last address's `OSError` if none of them works."""
        addresses = await self._addresses(host, port)
        self._turn += 1
        first = self._turn % len(addresses)
        addresses = addresses[first:] + addresses[:first]
        try:
            return await (_connect(addresses[0]) if len(addresses) == 1 else _race(addresses))
        except OSError:
            self._known.pop((host, port), None)
            raise

    async def _addresses(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        until, addresses = self._known.get((host, port), (0.0, []))
        if until > loop.time():
            return addresses
        infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys((int(family), address) for family, _, _, _, address in infos))
        if not addresses:
            raise OSError("the name has no address")
        self._known[host, port] = (loop.time() + NAME_SECONDS, addresses)
        return addresses


async def _connect(address: Address) -> socket.socket:
    family, where = address
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await asyncio.get_running_loop().sock_connect(made, where)
    except BaseException:
        made.close()
        raise
    return made


async def _race(addresses: Sequence[Address]) -> socket.socket:
    """The first of several sockets that connects. The others are closed."""
    left = list(addresses)
    tries: set[asyncio.Task[socket.socket]] = set()
    won: asyncio.Task[socket.socket] | None = None
    try:
        while True:
            if left:
                tries.add(asyncio.create_task(_connect(left.pop(0))))
            done, tries = await asyncio.wait(
                tries, timeout=NEXT_ADDRESS_SECONDS if left else None, return_when=asyncio.FIRST_COMPLETED
            )
            won = next((task for task in done if task.exception() is None), None)
            for task in done - {won}:
                _give_up(task)
            if won is not None:
                return won.result()
            if not tries and not left:
                return done.pop().result()
    finally:
        for task in tries:
            task.add_done_callback(_give_up)
            task.cancel()


def _give_up(task: asyncio.Task[socket.socket]) -> None:
    with contextlib.suppress(asyncio.CancelledError, OSError):
        task.result().close()


# Finds out from the kernel how far a request got on its connection: the proof that a server never read it.
#
# A client must not repeat a request that is not idempotent, such as a POST, unless it can detect that the first one was
# never applied (RFC 9110 §9.2.2). A server may close an idle connection at the moment at which it is used again (RFC
# 9112 §9.3.1, §9.5). A reused connection can therefore break without any byte of a response. Only two facts prove that
# the request was not read:
#
# 1. No byte of it left this machine: the kernel refused to send on a connection that had ended before.
# 2. The server ended the connection in order (FIN), and had confirmed no byte of the request by then. A FIN carries the
#    acknowledgement of all that its kernel has received (RFC 9293 §3.4), so the server closed before the request came.
#
# A reset proves nothing. Linux drops the acknowledgement that a RST carries, and an acknowledgement may be delayed by
# 40 ms. Therefore a request that was read looks the same as one that was not.


class TcpProgress(NamedTuple):
    """Bytes that this kernel has sent, and that the peer's has confirmed. With TLS they are encrypted bytes."""

    sent: int
    acked: int

    def after(self, given: int) -> "TcpProgress":
        """The same after so many more bytes were sent and confirmed."""
        return TcpProgress(self.sent + given, self.acked + given)


def tcp_progress(connected: socket.socket) -> TcpProgress | None:
    """The progress of everything on this socket; ``None`` if it can't be known."""
    try:
        raw = connected.getsockopt(socket.IPPROTO_TCP, TCP_INFO, _SENT.size)
        return TcpProgress(_SENT.unpack(raw)[0], _ACKED.unpack_from(raw)[0])
    except (OSError, struct.error):
        return None


def never_read(before: TcpProgress | None, now: TcpProgress | None, *, in_order: bool) -> bool:
    """Whether one of the two proofs above holds. ``before``: at the request's start; ``in_order``: after a FIN."""
    if before is None or now is None or not now.acked:
        return False
    return now.sent <= before.sent or (in_order and now.acked <= before.acked)


def patience(keep_alive: bytes | None) -> float:
    """Seconds for which a connection may be idle: a little less than its server announced in ``Keep-Alive``."""
    timeout = _TIMEOUT.search(keep_alive) if keep_alive else None
    if timeout is None:
        return math.inf
    seconds = float(timeout[1])
    return seconds - min(_MARGIN, seconds / 2)
