"""The server ends as soon as it is told to, not when it looks the next time."""

from __future__ import annotations

import asyncio
import threading

import pytest
import uvicorn

from fairtrial import uvicorn_server
from fairtrial.uvicorn_server import WokenServer


async def no_app(*_: object) -> None:
    """Nobody asks it."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> WokenServer:
    monkeypatch.setattr(uvicorn_server, "TICK_SECONDS", 3600.0)
    return WokenServer(uvicorn.Config(no_app, lifespan="off"))


async def test_another_thread_ends_it_at_once(server: WokenServer) -> None:
    running = asyncio.create_task(server.main_loop())
    await asyncio.sleep(0)

    def tell() -> None:
        server.should_exit = True

    threading.Thread(target=tell).start()
    await asyncio.wait_for(running, 60)
    server.should_exit = True


async def test_what_was_reported_before_it_began_counts(server: WokenServer) -> None:
    server.should_exit = True
    await asyncio.wait_for(server.main_loop(), 60)


async def test_it_ticks_meanwhile(server: WokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn_server, "TICK_SECONDS", 0.0)
    counters: list[int] = []

    async def on_tick(counter: int) -> bool:
        counters.append(counter)
        return len(counters) == 3

    monkeypatch.setattr(server, "on_tick", on_tick)
    await asyncio.wait_for(server.main_loop(), 60)
    assert counters == [0, 5, 10]
