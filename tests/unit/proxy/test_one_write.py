"""Answers as they leave the server's socket: the head with the first of the body, and framed as each kind asks for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from gateway.proxy.http_protocol import HttpProtocol

Part = dict[str, Any]


async def ask(app: Callable[..., Awaitable[None]], request: bytes, *, until: bytes = b"") -> bytes:
    """What one connection is answered, until it ends, or ends with ``until``."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", http=HttpProtocol, ws="none", log_config=None, date_header=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    writer.write(request)
    answer = b""
    while piece := await reader.read(65536):
        answer += piece
        if until and answer.endswith(until):
            break
    writer.close()
    server.should_exit = True
    await serving
    return answer


def sends(*parts: Part, head: list[tuple[bytes, bytes]], status: int = 200) -> Callable[..., Awaitable[None]]:
    async def app(_: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": status, "headers": head})
        for part in parts:
            await send({"type": "http.response.body", **part})

    return app


GET = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
WHOLE = [(b"content-length", b"5")]


@pytest.mark.parametrize(
    ("head", "parts", "body"),
    [
        (WHOLE, [{"body": b"hello"}], b"hello"),
        (WHOLE, [{"body": b"he", "more_body": True}, {"body": b"llo"}], b"hello"),
        ([], [{"body": b"he", "more_body": True}, {"body": b""}], b"2\r\nhe\r\n0\r\n\r\n"),
        ([], [{}], b"0\r\n\r\n"),
        ([(b"content-length", b"200000")], [{"body": b"x" * 200_000}], b"x" * 200_000),
    ],
)
def test_a_body_is_framed_as_its_head_says(head: Any, parts: list[Part], body: bytes) -> None:
    answer = asyncio.run(ask(sends(*parts, head=head), GET))
    start, _, rest = answer.partition(b"\r\n\r\n")
    assert rest == body
    assert start.startswith(b"HTTP/1.1 200 OK\r\n")
    assert start.endswith(b"transfer-encoding: chunked" if not head else b"connection: close")


def test_no_body_goes_with_the_answer_to_head() -> None:
    answer = asyncio.run(ask(sends({"body": b"hello"}, head=WHOLE), GET.replace(b"GET", b"HEAD")))
    assert answer.endswith(b"content-length: 5\r\nconnection: close\r\n\r\n")


def test_the_head_of_a_stream_leaves_before_there_is_a_body() -> None:
    async def trial() -> bytes:
        async def app(_: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while (await receive())["type"] != "http.disconnect":
                pass

        return await ask(app, GET, until=b"\r\n\r\n")

    assert asyncio.run(trial()).startswith(b"HTTP/1.1 200 OK\r\n")


def test_requests_that_came_together_are_answered_one_after_another() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.05 if scope["path"] == "/1" else 0)
        await sends({"body": scope["path"].encode().ljust(5)}, head=WHOLE)(scope, receive, send)

    requests = b"GET /1 HTTP/1.1\r\nhost: a\r\n\r\n" + GET.replace(b"/ ", b"/2 ")
    answer = asyncio.run(ask(app, requests))
    assert [part[:5] for part in answer.split(b"\r\n\r\n")[1:]] == [b"/1   ", b"/2   "]


@pytest.mark.parametrize("value", [b"a\r\nx-forged: 1", b"a\nb", b"a\x00b"])
def test_a_header_that_would_break_the_head_is_not_sent(value: bytes) -> None:
    answer = asyncio.run(ask(sends({"body": b"hello"}, head=[*WHOLE, (b"x-a", value)]), GET))
    assert b"forged" not in answer
    assert b"hello" not in answer


@pytest.mark.parametrize("body", [b"hell", b"hello!"])
def test_a_body_of_another_length_than_declared_ends_the_connection(body: bytes) -> None:
    answer = asyncio.run(ask(sends({"body": body}, head=WHOLE), GET.replace(b"connection: close\r\n", b"")))
    assert not answer.endswith(b"hello!")
