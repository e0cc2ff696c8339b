"""Caches the computed system prompt between requests without changing any answer.

llama.cpp caches the common prefix of two successive prompts. A token's activations depend slightly on the batch in
which it was computed. So even at temperature 0, the answer would depend on the previous request: 9 of 14 answers of
the base changed. Here the cache always holds exactly the system prompt, computed in the same batch. To achieve that, a
primer is sent before each request: the system prompt and a character with which no message starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

from gateway.models.engine import Engine

MIN_LENGTH = 200
"""The length in characters above which computing a system prompt costs more than a primer."""
SIGN = "§"


async def prime(client: aiohttp.ClientSession, engine: Engine, path: str, request: Mapping[str, Any]) -> bool:
    """Prime the engine; returns whether its cache holds the system prompt of the request.

    Raises `aiohttp.ClientError` if the engine has failed.
    """
    system = _system(request)
    if system is None or request.get("logprobs"):
        engine.primed = None
        return False
    wanted = (repr(request["lora"]), system)
    known, engine.primed = engine.primed == wanted, None
    async with client.post(f"{engine.url}{path}", json=_primer(system, request, cached=known)) as answer:
        await answer.read()
        if answer.status != 200:
            return False
    engine.primed = wanted
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
