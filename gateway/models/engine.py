"""Runs one llama.cpp process, restarts it when it exits, and primes its prompt cache."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from fairtrial.domain.errors import UsageError
from gateway.models.catalogue import Catalogue

PROGRAM = "gateway.models.engine_program"
ROOT = Path(__file__).parents[2]
START_WITHIN_S = 60.0
PAUSES_S = (0.1, 0.5, 2.0, 10.0)
MIN_LENGTH = 200
"""The length in characters above which computing a system prompt costs more than a primer."""
SIGN = "§"


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


# Caches the computed system prompt between requests without changing any answer.
#
# llama.cpp caches the common prefix of two successive prompts. A token's activations depend slightly on the batch in
# which it was computed. So even at temperature 0, the answer would depend on the previous request: 9 of 14 answers of
# the base changed. Here the cache always holds exactly the system prompt, computed in the same batch. To achieve that,
# a primer is sent before each request: the system prompt and a character with which no message starts.


async def prime(client: aiohttp.ClientSession, engine: Engine, path: str, request: Mapping[str, Any]) -> bool:
    """Prime the engine; returns whether its cache holds the system prompt of the request.

    Raises `aiohttp.ClientError` if the engine has failed.
    """
    system = _system(request)
    if system is None or request.get("logprobs"):
        engine.primed = None
        return False
    prefix = (repr(request["lora"]), system)
    known, engine.primed = engine.primed == prefix, None
    async with client.post(f"{engine.url}{path}", json=_primer(system, request, cached=known)) as answer:
        await answer.read()
        if answer.status != 200:
            return False
    engine.primed = prefix
    return True


def _system(request: Mapping[str, Any]) -> str | None:
    """The system prompt at the start of the messages, if it is long enough."""
    first = (request.get("messages") or [None])[0]
    if not isinstance(first, Mapping) or first.get("role") != "system":
        return None
    content = first.get("content")
    return content if isinstance(content, str) and len(content) >= MIN_LENGTH else None


def _primer(system: str, request: Mapping[str, Any], *, cached: bool) -> dict[str, Any]:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": SIGN}]
    return {"messages": messages, "max_tokens": 1, "temperature": 0, "lora": request["lora"], "cache_prompt": cached}
