"""Connects a socket to a host's port: resolves a name at most every 30 seconds, and tries its addresses in turn."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Any

from gateway.proxy.transport.pool.request_head import Origin

NAME_SECONDS = 30.0
NEXT_ADDRESS_SECONDS = 0.25
"""How long an address may take before the next one is tried in parallel (RFC 8305)."""

Address = tuple[int, Any]
"""A family, and the address that `connect` of that family takes."""


class Dialer:
    """Caches the addresses of names, and starts each time with the next of them, so that load spreads."""

    __slots__ = ("_known", "_turn")

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[float, list[Address]]] = {}
        self._turn = 0

    async def dial(self, origin: Origin) -> socket.socket:
        """A connected socket; the last address's `OSError` if none of them works."""
        addresses = await self._addresses(origin.host, origin.port)
        self._turn += 1
        first = self._turn % len(addresses)
        addresses = addresses[first:] + addresses[:first]
        try:
            return await (_connect(addresses[0]) if len(addresses) == 1 else _race(addresses))
        except OSError:
            self._known.pop((origin.host, origin.port), None)
            raise

    async def _addresses(self, host: str, port: int) -> list[Address]:
        loop = asyncio.get_running_loop()
        until, found = self._known.get((host, port), (0.0, []))
        if until > loop.time():
            return found
        infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found = list(dict.fromkeys((int(family), address) for family, _, _, _, address in infos))
        if not found:
            raise OSError("the name has no address")
        self._known[host, port] = (loop.time() + NAME_SECONDS, found)
        return found


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
