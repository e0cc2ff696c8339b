"""Runs one llama.cpp process and restarts it when it exits."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fairtrial.domain.errors import UsageError
from gateway.models.catalogue import Catalogue

PROGRAM = "gateway.models.engine_program"
ROOT = Path(__file__).parents[2]
START_WITHIN_S = 60.0
PAUSES_S = (0.1, 0.5, 2.0, 10.0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How engines are started; ``log`` is the file for llama.cpp's output (``None``: discarded)."""

    catalogue: Catalogue
    threads: int = 1
    log: Path | None = None

    def command(self, tell: int) -> list[str]:
        adapters = [part for file in self.catalogue.adapters.values() for part in ("--adapter", str(file))]
        base = ["--base", str(self.catalogue.base), *adapters, "--threads", str(self.threads)]
        return [sys.executable, "-m", PROGRAM, *base, "--parent", str(os.getpid()), "--tell", str(tell)]


class Engine:
    """``url`` is where it listens, ``None`` while it is down; ``changed`` is called when it is up again.

    ``primed`` is what its cache holds (see `prefix`).
    """

    def __init__(self, number: int, recipe: Recipe) -> None:
        self.number = number
        self.url: str | None = None
        self.restarts = 0
        self.primed: tuple[str, str] | None = None
        self.changed: Callable[[], None] = lambda: None
        self._recipe = recipe
        self._running: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._running.pid if self._running else None

    async def start(self) -> None:
        """Start the process and wait until it listens; raises `UsageError` if it exits."""
        await self._launch()
        self._watch = asyncio.create_task(self._keep_up())

    async def stop(self) -> None:
        if self._watch:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        await self._end()

    async def _launch(self) -> None:
        hear, tell = os.pipe()
        try:
            self._running = await self._spawn(tell)
        finally:
            os.close(tell)
        with os.fdopen(hear, "rb") as address_line:
            try:
                line = await asyncio.wait_for(asyncio.to_thread(address_line.readline), START_WITHIN_S)
            except TimeoutError:
                line = b""
                await self._end()
        if not line:
            code = await self._running.wait()
            raise UsageError(f"engine {self.number}: llama.cpp exited with {code} ({self._log_hint()})")
        self.primed = None
        self.url = line.decode().strip()
        self.changed()

    async def _spawn(self, tell: int) -> asyncio.subprocess.Process:
        output = self._recipe.log.open("ab") if self._recipe.log else None
        try:
            return await asyncio.create_subprocess_exec(
                *self._recipe.command(tell),
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.DEVNULL,
                stderr=output or subprocess.DEVNULL,
                pass_fds=(tell,),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.getenv("PYTHONPATH"))))},
            )
        finally:
            if output:
                output.close()

    async def _keep_up(self) -> None:
        """Restart the process whenever it exits, with increasing delays if it exits at once."""
        failed = 0
        while self._running:
            await self._running.wait()
            self.url = None
            await asyncio.sleep(PAUSES_S[min(failed, len(PAUSES_S) - 1)])
            self.restarts += 1
            try:
                await self._launch()
                failed = 0
            except UsageError:
                failed += 1

    async def _end(self) -> None:
        self.url = None
        if self._running and self._running.returncode is None:
            with suppress(ProcessLookupError):
                self._running.kill()
            await self._running.wait()

    def _log_hint(self) -> str:
        return f"its log is {self._recipe.log}" if self._recipe.log else "to keep its log: --log FILE"
