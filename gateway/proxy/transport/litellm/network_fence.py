"""Restricts litellm's connections: one try, no redirects, and a bounded response size.

litellm has no setting for any of the three that holds for every provider. It reaches some by its own HTTP client and
some by OpenAI's, which follows redirects with the whole request and tries three times whatever its settings.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

from gateway.proxy.transport.transport import EVENT_LIMIT, TransportError, too_large

Init = Callable[..., None]


@cache
def put_up() -> None:
    """Change the two clients, once for each process. litellm must be imported."""
    handler = importlib.import_module("litellm.llms.custom_httpx.http_handler").AsyncHTTPHandler
    handler.create_client = _bounded(handler.create_client)
    client = importlib.import_module("openai").AsyncOpenAI
    client.__init__ = _asking_once(client.__init__)


def stopped(error: BaseException | None) -> TransportError | None:
    """The restriction's own error, in whatever litellm made of it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, TransportError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _bounded(create: Callable[..., Any]) -> Callable[..., Any]:
    def create_client(self: Any, *args: Any, **options: Any) -> Any:
        return _fenced(create(self, *args, **options))

    return create_client


def _asking_once(plain: Init) -> Init:
    def init(self: Any, *args: Any, **options: Any) -> None:
        plain(self, *args, **{**options, "max_retries": 0})
        _fenced(self._client)

    return init


def _fenced(client: Any) -> Any:
    """An httpx client that returns a redirect as it is and stops reading at the limit."""
    client.follow_redirects = False
    hooks = client.event_hooks
    if _count not in hooks["response"]:
        client.event_hooks = {**hooks, "response": [*hooks["response"], _count]}
    return client


async def _count(response: Any) -> None:
    """Counts decompressed bytes, because a small response may hold a large one."""
    plain = response.aiter_bytes

    async def aiter_bytes(*args: Any, **options: Any) -> AsyncIterator[bytes]:
        size = 0
        async for piece in plain(*args, **options):
            size += len(piece)
            if size > EVENT_LIMIT:
                raise too_large(EVENT_LIMIT)
            yield piece

    response.aiter_bytes = aiter_bytes
