"""The demo's model server: a child process with the base and the four fine-tunes, and a first look at its speed."""

from __future__ import annotations

import time
from collections.abc import Mapping

import httpx

TRIAL = "Tell me about the sea in three sentences."
TRIAL_TOKENS = 48
TRIAL_SECONDS = 0.5
"""What the trial takes on the machine on which the demo takes `DEMO_MINUTES`."""
DEMO_MINUTES = 9.0


def measure_seconds(base_url: str, model: str) -> float:
    """Seconds that one engine needs for the trial answer; the first, cold call doesn't count."""
    body: Mapping[str, object] = {
        "model": model,
        "messages": [{"role": "user", "content": TRIAL}],
        "max_tokens": TRIAL_TOKENS,
        "temperature": 0,
    }
    with httpx.Client(base_url=base_url, timeout=120, trust_env=False) as client:
        client.post("/chat/completions", json=body).raise_for_status()
        began = time.perf_counter()
        client.post("/chat/completions", json=body).raise_for_status()
        return time.perf_counter() - began


def expected_minutes(seconds: float, *, share: float = 1.0) -> float:
    """Minutes that the demo will take where the trial took ``seconds``; ``share`` of the cases are asked."""
    return max(1.0, DEMO_MINUTES * share * seconds / TRIAL_SECONDS)
