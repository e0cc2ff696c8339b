"""Starts the engines and serves them on one address until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import uvicorn

from fairtrial.domain.errors import PortTaken
from gateway.models.app import App
from gateway.models.engine import Engine, Recipe

NO_LIMIT = aiohttp.ClientTimeout(total=None, sock_connect=10)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 takes any free one."""

    host: str
    port: int

    def bind(self) -> socket.socket:
        """A listening socket; raises `PortTaken`."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self.host, self.port))
        except OSError as error:
            listening.close()
            raise PortTaken(f"{self.host}:{self.port}: {error.strerror} (choose another with --port)") from error
        listening.listen(512)
        return listening


async def serve(recipe: Recipe, address: Address, *, engines: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``announce`` gets the URL once the engines are up."""
    listening = address.bind()
    running = [Engine(number, recipe) for number in range(1, engines + 1)]
    try:
        await asyncio.gather(*(engine.start() for engine in running))
        async with aiohttp.ClientSession(timeout=NO_LIMIT) as client:
            app = App(recipe.catalogue, running, client)
            config = uvicorn.Config(
                app, lifespan="off", log_level="warning", access_log=False, timeout_graceful_shutdown=2
            )
            host, port = listening.getsockname()[:2]
            announce(f"http://{f'[{host}]' if ':' in host else host}:{port}/v1")
            await uvicorn.Server(config).serve(sockets=[listening])
    finally:
        await asyncio.gather(*(engine.stop() for engine in running))
        listening.close()
