"""The HTTP server with a worker's way to stop: not ready first, no new requests next, and answers come to their end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from fairtrial.domain.worker_settings import WorkerSettings
from gateway.proxy.admission import Admission

POLL_SECONDS = 0.05
LAST_SECONDS = 2
"""For the last bytes: of answers that are broken off, and to clients that read slowly."""

_LOG = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """Listens to the end, so that whoever comes late is told so; the first signal drains, a second one ends at once."""

    def __init__(self, config: uvicorn.Config, admission: Admission, settings: WorkerSettings) -> None:
        super().__init__(config)
        self._admission = admission
        self._settings = settings
        self._at_once = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal or another; readiness ends with the first, before anything else does.

        Ctrl-C goes to every process of a terminal: the supervisor has it too, and says SIGTERM in its own time.
        """
        if sig == signal.SIGINT:
            return
        if self.should_exit:
            self._at_once = True
        else:
            self._admission.stage = "leaving" if self._settings.grace else "draining"
            super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then close: connections first, then journal and upstreams, which the application's lifespan does."""
        await self._drain()
        self.config.timeout_graceful_shutdown = LAST_SECONDS
        await super().shutdown(sockets)

    async def _drain(self) -> None:
        admission = self._admission
        if self._settings.grace:
            await self._wait(self._settings.grace, lambda: False)
        admission.stage = "draining"
        self._close_after_answers()
        await self._wait(self._settings.drain, self._idle)
        if not self._idle():
            _LOG.warning("%d requests are broken off: they did not end in time", admission.in_flight)
            admission.stage = "ending"
            for task in list(self.server_state.tasks):
                task.cancel()
            self._at_once = False
            await self._wait(LAST_SECONDS, self._idle)

    def _idle(self) -> bool:
        return self._admission.in_flight == 0

    def _close_after_answers(self) -> None:
        """Connections in use close after this answer; the others stay until the end, to be told if they are used."""
        for connection in list(self.server_state.connections):
            cycle = getattr(connection, "cycle", None)
            if cycle is not None and not cycle.response_complete:
                connection.shutdown()

    async def _wait(self, seconds: float, enough: Callable[[], bool]) -> None:
        """Until it is enough, the time is over, or a second signal came; keeps the clock of the ``date`` header."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not enough() and not self._at_once:
                    await self.on_tick(0)
                    await asyncio.sleep(POLL_SECONDS)
