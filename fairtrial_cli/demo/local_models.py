"""Starts the demo's model server as a child process and measures its speed."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from fairtrial.domain.errors import UsageError
from fairtrial_cli.processes.children import Child, Program, raise_if_failed

BASE_MODEL = "smollm2"
ENGINES = 2
READY_SECONDS = 60.0
MEASURE_SECONDS, MOST_ANSWERS = 5.0, 12
"""The measurement ends after so many seconds, or so many answers."""
TOKENS = 60


@contextmanager
def local_models(port: int, log: Path) -> Iterator[Sequence[Child]]:
    """Run the model server while the context lasts; raises `UsageError` if it can't start."""
    options = ["models", "serve", "--port", str(port), "--engines", str(ENGINES)]
    arguments = [sys.executable, "-m", "fairtrial_cli.main", *options]
    child = Child(Program("models", arguments, os.environ, log))
    try:
        child.start()
        _await_ready(child, f"http://127.0.0.1:{port}/readyz")
        yield [child]
    finally:
        child.end()


async def measure(base_url: str, tickets: Sequence[Sequence[Mapping[str, str]]]) -> float:
    """How many tickets the base answers in a second with both engines busy, not counting the first, cold calls."""
    prompts = itertools.cycle(tickets)
    async with httpx.AsyncClient(base_url=base_url, timeout=120, trust_env=False) as client:
        await asyncio.gather(*(_answer(client, next(prompts)) for _ in range(ENGINES)))
        began = time.perf_counter()
        done = 0

        async def keep_asking() -> None:
            nonlocal done
            while done < MOST_ANSWERS and time.perf_counter() - began < MEASURE_SECONDS:
                await _answer(client, next(prompts))
                done += 1

        await asyncio.gather(*(keep_asking() for _ in range(ENGINES)))
        return done / (time.perf_counter() - began)


async def _answer(client: httpx.AsyncClient, messages: Sequence[Mapping[str, str]]) -> None:
    body = {"model": BASE_MODEL, "messages": list(messages), "max_tokens": TOKENS, "temperature": 0}
    (await client.post("/chat/completions", json=body)).raise_for_status()


def _await_ready(child: Child, url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    with httpx.Client(timeout=2, trust_env=False) as client:
        while time.monotonic() < deadline:
            raise_if_failed(child)
            try:
                if client.get(url).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass  # not started yet
            time.sleep(0.05)
    raise UsageError(f"the local models were not ready within {READY_SECONDS:.0f} seconds:\n{child.log_tail()}")
