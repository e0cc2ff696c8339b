"""Imports litellm on first use, in a thread, and restricts its connections: no redirects, and a bounded size."""

import asyncio
import contextlib
import importlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

from gateway.proxy.transport.transport import EVENT_LIMIT, TransportError, too_large

Init = Callable[..., None]
QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # otherwise the import fetches a price map, with retries
    "LITELLM_OFFLINE_MODE": "true",  # otherwise a first call fetches headers or a tokeniser, and blocks the loop
    "LITELLM_MODE": "PRODUCTION",  # otherwise it reads a .env file from wherever the gateway was started
    "LITELLM_LOG": "CRITICAL",
    "REPEATED_STREAMING_CHUNK_LIMIT": str(2**31),  # otherwise a model that repeats itself is cut off, and looks broken
}
LOGGERS = ("LiteLLM", "httpx", "openai")
"""Loggers whose lines can hold bodies, and addresses with keys in them."""


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


class LazyLitellm:
    """The module, or the task that imports it; one for each worker."""

    def __init__(self) -> None:
        self._module: Any = None
        self._importing: asyncio.Task[Any] | None = None

    def warm(self) -> None:
        """Start the import in the background if it has not started; needs a running loop."""
        if self._importing is None:
            self._importing = asyncio.create_task(asyncio.to_thread(_import_quietly))

    async def module(self) -> Any:
        """Wait for the module. A client that disconnects does not stop the import."""
        if self._module is None:
            self.warm()
            assert self._importing is not None
            self._module = await asyncio.shield(self._importing)
        return self._module


def _import_quietly() -> Any:
    os.environ.update(QUIET)
    litellm: Any = importlib.import_module("litellm")
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.disable_token_counter = (
        True  # tokens that a provider did not count are unknown, so litellm must not estimate them
    )
    litellm.disable_hf_tokenizer_download = True
    litellm.drop_params = False
    litellm.modify_params = False
    litellm.num_retries = 0
    for hooks in ("callbacks", "input_callback", "success_callback", "failure_callback", "service_callback"):
        setattr(litellm, hooks, [])
    put_up()
    _rehearse(litellm)
    return litellm


def _rehearse(litellm: Any) -> None:
    """Make one call that reaches no network, because the first call imports about 180 modules.

    Without it, the first request would block the event loop for most of a second, and all other requests with it.
    """
    httpx: Any = importlib.import_module("httpx")
    handler = importlib.import_module("litellm.llms.custom_httpx.http_handler").HTTPHandler
    refusing = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(500)), trust_env=False)
    with contextlib.suppress(importlib.import_module("openai").OpenAIError), refusing:
        litellm.completion(
            model="anthropic/rehearsal",
            messages=[{"role": "user", "content": "rehearsal"}],
            api_key="none",
            client=handler(client=refusing),
            num_retries=0,
            max_retries=0,
        )
