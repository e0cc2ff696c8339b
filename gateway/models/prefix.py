"""Keeps the system prompt computed between requests, in a way that never changes an answer.

llama.cpp's cache keeps whatever two prompts in a row have in common. The numbers of a token depend a little on the
batch that it was computed in, so that even at temperature 0 the text would depend on who asked before: it changed 9 of
14 answers of the base. Here what is kept is always the system prompt, and always computed in the same batch: a primer
of the system prompt and a sign that no message begins with, asked before each request, leaves just that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

from gateway.models.engine import Engine

WORTH_IT = 200
"""Characters of a system prompt that cost more to compute than a primer does."""
SIGN = "§"


async def prime(client: aiohttp.ClientSession, engine: Engine, path: str, asked: Mapping[str, Any]) -> bool:
    """Whether the engine now holds the system prompt of the request, and the request may use it.

    Raises `aiohttp.ClientError` if the engine is gone.
    """
    system = _system(asked)
    if system is None or asked.get("logprobs"):
        engine.primed = None
        return False
    wanted = (repr(asked["lora"]), system)
    known, engine.primed = engine.primed == wanted, None
    async with client.post(f"{engine.url}{path}", json=_primer(system, asked, cached=known)) as answer:
        await answer.read()
        if answer.status != 200:
            return False
    engine.primed = wanted
    return True


def _system(asked: Mapping[str, Any]) -> str | None:
    """The long system prompt that the messages begin with, if they do."""
    first = (asked.get("messages") or [None])[0]
    if not isinstance(first, Mapping) or first.get("role") != "system":
        return None
    content = first.get("content")
    return content if isinstance(content, str) and len(content) >= WORTH_IT else None


def _primer(system: str, asked: Mapping[str, Any], *, cached: bool) -> dict[str, Any]:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": SIGN}]
    return {"messages": messages, "max_tokens": 1, "temperature": 0, "lora": asked["lora"], "cache_prompt": cached}
