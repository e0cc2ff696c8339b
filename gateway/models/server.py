"""Starts the engines and serves them on one address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
import uvicorn

from fairtrial.domain.names.addresses import Address
from gateway.listening import listen
from gateway.models.app import App
from gateway.models.engine import Engine, Recipe

NO_LIMIT = aiohttp.ClientTimeout(total=None, sock_connect=10)


async def serve(recipe: Recipe, address: Address, *, engines: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``announce`` receives the URL once the engines are up."""
    listening = listen(address.host, address.port, service="models", setting="--port")
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
