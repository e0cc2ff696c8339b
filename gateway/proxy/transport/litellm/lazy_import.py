"""Imports litellm on first use, in a thread: it takes seconds and 200 MB, and must fetch and report nothing."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
from typing import Any

from gateway.proxy.transport.litellm.network_fence import put_up

QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # otherwise the import fetches a price map, with retries
    "LITELLM_OFFLINE_MODE": "true",  # otherwise a first call fetches headers or a tokeniser, and blocks the loop
    "LITELLM_MODE": "PRODUCTION",  # otherwise it reads a .env file from wherever the gateway was started
    "LITELLM_LOG": "CRITICAL",
    "REPEATED_STREAMING_CHUNK_LIMIT": str(2**31),  # otherwise a model that repeats itself is cut off, and looks broken
}
LOGGERS = ("LiteLLM", "httpx", "openai")
"""Loggers whose lines can hold bodies, and addresses with keys in them."""


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
