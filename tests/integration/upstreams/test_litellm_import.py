"""The import of litellm leaves little to import for the first request, which would block the event loop with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fixtures.waiting import PATIENCE

FIRST_CALL = """
import asyncio, contextlib, sys
from gateway.proxy.transport.litellm.lazy_import import LazyLitellm

async def first_call():
    litellm = await LazyLitellm().module()
    before = set(sys.modules)
    with contextlib.suppress(litellm.exceptions.InternalServerError):
        await litellm.acompletion(
            model="anthropic/model", messages=[{"role": "user", "content": "hi"}], api_key="none",
            api_base="http://127.0.0.1:1", num_retries=0, max_retries=0,
        )
    print(len(set(sys.modules) - before))

asyncio.run(first_call())
"""


@pytest.mark.release("load")
def test_the_first_translated_request_imports_next_to_nothing() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FIRST_CALL], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert int(ran.stdout) < 20
