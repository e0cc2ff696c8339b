"""Starts the demo's model server as a child process and measures its speed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from fairtrial.domain.errors import UsageError
from fairtrial_cli.processes.children import Child, Program, raise_if_failed

BASE_MODEL = "smollm2"
ENGINES = 2
READY_SECONDS = 60.0
TRIAL = "Tell me about the sea in three sentences."
TRIAL_TOKENS = 48
TRIAL_SECONDS = 0.5
"""How long the trial answer takes on a machine where the whole demo takes `DEMO_MINUTES`."""
DEMO_MINUTES = 12.0


@contextmanager
def local_models(port: int, log: Path) -> Iterator[None]:
    """Run the model server while the context lasts; raises `UsageError` if it can't start."""
    options = ["models", "serve", "--port", str(port), "--engines", str(ENGINES)]
    arguments = [sys.executable, "-m", "fairtrial_cli.main", *options]
    child = Child(Program("models", arguments, os.environ, log))
    child.start()
    try:
        _await_ready(child, f"http://127.0.0.1:{port}/readyz")
        yield
    finally:
        child.end()


def measure_seconds(base_url: str) -> float:
    """Seconds that one engine needs for the trial answer, not counting the first, cold call."""
    body: dict[str, object] = {
        "model": BASE_MODEL,
        "messages": [{"role": "user", "content": TRIAL}],
        "max_tokens": TRIAL_TOKENS,
        "temperature": 0,
    }
    with httpx.Client(base_url=base_url, timeout=120, trust_env=False) as client:
        client.post("/chat/completions", json=body).raise_for_status()
        began = time.perf_counter()
        client.post("/chat/completions", json=body).raise_for_status()
        return time.perf_counter() - began


def expected_minutes(seconds: float) -> float:
    """The estimated minutes of the whole demo if the trial answer took ``seconds``."""
    return max(1.0, DEMO_MINUTES * seconds / TRIAL_SECONDS)


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
