"""Thousands of odd answers, kept alive and mixed with good ones: each ends, and none reaches another request.

A good request carries a token that its answer brings back; an odd answer never holds a token, or one that nobody sent.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest
import uvloop

from gateway.proxy.transport.transport import Transport, TransportError
from tests.fixtures.gateway.odd_answers import late, serve
from tests.fixtures.gateway.transport_fixture import MAKERS, request, whole
from tests.fixtures.upstream.raw_upstream import RawUpstream

CASES = (500, pytest.param(10_000, marks=pytest.mark.release("fuzz")))
WORKERS = 16
KINDS = {"connect", "reset", "bad_answer"}


async def _worker(transport: Transport, url: str, numbers: Iterator[int], seen: Counter[str]) -> None:
    for number in numbers:
        await _one_odd(transport, url, number, seen)
        await asyncio.sleep(0.001 if late(number) else 0)
        token = b"token-%d" % number
        good = await whole(transport, request(url, token))
        assert (good.status, good.body) == (200, b'{"token": "%b"}' % token), f"after the odd answer {number}"


async def _one_odd(transport: Transport, url: str, number: int, seen: Counter[str]) -> None:
    try:
        async with asyncio.timeout(1.0):
            odd = await whole(transport, request(url, b"odd-%d" % number))
        assert b"token-" not in odd.body, f"the odd answer {number} is another request's"
        seen["answer"] += 1
    except TransportError as error:
        seen[error.kind] += 1
    except TimeoutError:
        seen["waits"] += 1


async def _all(cases: int) -> Counter[str]:
    numbers, seen = iter(range(cases)), Counter[str]()
    async with RawUpstream(serve) as upstream:
        transports = [MAKERS["pool"]() for _ in range(WORKERS)]
        async with asyncio.TaskGroup() as group:
            for transport in transports:
                group.create_task(_worker(transport, upstream.url, numbers, seen))
        for transport in transports:
            await transport.close()
    return seen


@pytest.mark.parametrize("cases", CASES)
def test_no_answer_reaches_another_request_and_every_request_ends(cases: int) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen = runner.run(_all(cases))
    assert set(seen) <= KINDS | {"answer", "waits"} and seen["waits"] < cases / 100
    assert seen.total() == cases and seen["answer"] > cases / 10 and seen["bad_answer"] > cases / 10
    assert seen["reset"] > cases / 100
