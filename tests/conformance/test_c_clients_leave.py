"""C12: a client that leaves at any moment has its upstream closed; recorded once, released once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.conformance.harness.stream_events import DONE, HELLO, speaks_as_asked, wire
from tests.conformance.harness.stream_fixture import ASK, BEARER, SECRET, Pair, async_client, raw_answer, sync_client
from tests.conformance.harness.stream_moments import STREAMED, WHOLE, Moment, each_moment, one_row
from tests.fixtures.gateway.raw_client import RawClient
from tests.fixtures.upstream.manual_upstream import STREAM_HEAD, Exchange
from tests.fixtures.waiting import until


@pytest.mark.parametrize("leave", [RawClient.close, RawClient.reset], ids=["closes", "resets"])
@each_moment
def test_c12_a_client_that_leaves_has_its_upstream_closed(
    pair: Pair, ask: dict[str, Any], moment: Moment, leave: Callable[[RawClient], None]
) -> None:
    with one_row(pair), RawClient(pair.gateway) as client:
        client.post(ask, **BEARER)
        asked = pair.upstream.next()
        moment(asked, client)
        leave(client)
        asked.await_gone()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_c12_closing_the_official_clients_stream_closes_the_upstream(pair: Pair, asynchronous: bool) -> None:
    kept: list[Exchange] = []

    def script(asked: Exchange) -> None:
        kept.append(asked)
        asked.raw(STREAM_HEAD)
        asked.stream(*wire(HELLO)[:2])
        asked.await_gone()

    pair.upstream.script = script
    with one_row(pair):
        if asynchronous:
            asyncio.run(_read_one(pair.gateway))
        else:
            with sync_client(pair.gateway) as client:
                stream = client.chat.completions.create(**ASK)
                next(iter(stream))
                stream.close()
        until(lambda: kept[0].over.is_set())


async def _read_one(port: int) -> None:
    async with async_client(port) as client:
        stream = await client.chat.completions.create(**ASK)
        await stream.__anext__()
        await stream.close()


def test_c12_a_client_that_is_killed_has_its_upstream_closed(pair: Pair) -> None:
    program = (
        "import sys, openai\n"
        f"client = openai.OpenAI(base_url={pair.rig.url!r}, api_key={SECRET!r})\n"
        f"for chunk in client.chat.completions.create(**{ASK!r}):\n"
        "    print('chunk', flush=True)\n"
    )
    with one_row(pair), subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as client:
        asked = pair.upstream.next()
        asked.raw(STREAM_HEAD)
        asked.stream(*wire(HELLO)[:2])
        assert client.stdout is not None
        assert [client.stdout.readline() for _ in range(2)] == ["chunk\n"] * 2
        os.kill(client.pid, signal.SIGKILL)
        asked.await_gone()


def test_c12_a_client_that_times_out_has_its_upstream_closed(pair: Pair) -> None:
    with openai.OpenAI(base_url=pair.rig.url, api_key=SECRET, max_retries=0, timeout=0.5) as client, one_row(pair):
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(**WHOLE)
        pair.upstream.next().await_gone()


def test_c12_the_next_request_after_one_that_was_left_gets_its_own_answer(pair: Pair) -> None:
    for moment in STREAMED:
        with RawClient(pair.gateway) as client:
            client.post(ASK, **BEARER)
            asked = pair.upstream.next()
            moment(asked, client)
        asked.await_gone()
        pair.upstream.script = speaks_as_asked(HELLO)
        assert raw_answer(pair.gateway, ASK).body.endswith(DONE)
        pair.upstream.script = None
