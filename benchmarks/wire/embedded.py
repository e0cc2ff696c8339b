"""Asks an upstream through TensorZero's embedded gateway; runs in the environment of the peers; prints JSON.

``python embedded.py PORT SECONDS IN_FLIGHT``: requests, and requests for each second of this process's CPU time, which
includes the caller. It records nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CONFIG = """
gateway.observability.enabled = false
[models.bench]
routing = ["upstream"]
[models.bench.providers.upstream]
type = "openai"
model_name = "bench"
api_base = "http://127.0.0.1:{port}/v1"
api_key_location = "none"
"""


async def ask(port: int, seconds: float, in_flight: int) -> dict[str, float]:
    """Full load for this time, after a short warm-up."""
    from tensorzero import AsyncTensorZeroGateway  # type: ignore[import-not-found]

    words = "a question of some length " * 36
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tensorzero.toml"
        path.write_text(CONFIG.format(port=port))
        gateway: Any = await AsyncTensorZeroGateway.build_embedded(config_file=str(path))
    asked = {"messages": [{"role": "user", "content": words}]}

    async def until(end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            await gateway.inference(model_name="bench", input=asked)
            count += 1
        return count

    async def load(duration: float) -> int:
        end = time.perf_counter() + duration
        return sum(await asyncio.gather(*(until(end) for _ in range(in_flight))))

    await load(0.5)
    before = time.process_time()
    requests = await load(seconds)
    return {"requests": requests, "per_core": requests / (time.process_time() - before)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(ask(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))))
