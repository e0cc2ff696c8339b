"""Wakes uvicorn's server when it should exit, because uvicorn itself polls ten times a second."""

import asyncio
from contextlib import suppress

import uvicorn

TICK_SECONDS = 0.5
TICKS = 5
"""The length of a tick, in uvicorn's own ticks of a tenth of a second."""


class WokenServer(uvicorn.Server):
    """Calls `on_tick` twice a second, and at once when any thread or signal sets ``should_exit``."""

    def __init__(self, config: uvicorn.Config) -> None:
        self._should_exit = False
        self._wake: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        super().__init__(config)

    @property
    def should_exit(self) -> bool:
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        if value and self._loop is not None and self._wake is not None:
            with suppress(RuntimeError):  # the loop has already ended
                self._loop.call_soon_threadsafe(self._wake.set)

    async def main_loop(self) -> None:
        """Run until `on_tick` returns true."""
        self._wake, self._loop = asyncio.Event(), asyncio.get_running_loop()
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + TICKS) % 864_000
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._wake.wait()
