"""The least that an evaluation could do: ask each case of a file, decode the answers, and compare them.

``python benchmarks/engine_work/bare.py PORT FILE CONNECTIONS``
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, TCPConnector


async def share_right(port: int, cases: list[dict[str, Any]], connections: int) -> float:
    """The share of cases with exactly the expected answer."""
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    async with ClientSession(connector=TCPConnector(limit=connections)) as session:

        async def is_right(case: dict[str, Any]) -> bool:
            body = {"model": "base", "messages": [{"role": "user", "content": case["input"]}]}
            async with session.post(url, json=body) as response:
                reply = await response.json()
            return bool(reply["choices"][0]["message"]["content"] == case["expected"])

        return sum(await asyncio.gather(*map(is_right, cases))) / len(cases)


if __name__ == "__main__":
    rows = [json.loads(line) for line in Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()]
    print(asyncio.run(share_right(int(sys.argv[1]), rows, int(sys.argv[3]))))
