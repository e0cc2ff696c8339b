"""Responses leave the server's socket with the head joined to the first bytes, and with the framing of their kind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fairtrial.domain.limits.server_settings import USUAL
from gateway.proxy.admission.admission import Admission
from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.http_server.request_reader import read_path
from gateway.proxy.http_server.server import Server
from gateway.proxy.routes.fastapi_app import scope_of
from tests.fixtures.for_each import for_each

Part = dict[str, Any]
App = Callable[..., Awaitable[None]]


def serving(app: App) -> Callable[[RequestCycle], None]:
    """The function that a server calls for an ASGI application. A failing application ends its connection."""

    async def run(cycle: RequestCycle) -> None:
        try:
            await app(scope_of(cycle, read_path(cycle.method, cycle.target)), cycle.receive, cycle.send)
        except RuntimeError:
            cycle.connection.close()

    def serve(cycle: RequestCycle) -> None:
        cycle.task = asyncio.get_running_loop().create_task(run(cycle))

    return serve


async def ask(app: App, *pieces: bytes, until: bytes = b"", pause: float = 0.05) -> bytes:
    """The bytes that one connection receives for what it sends, until it ends, or until they end with ``until``."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = Server(serving(app), Admission(8), USUAL)
    running = asyncio.create_task(server.run(listening))
    await asyncio.sleep(0)
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(pause)
    answer = b""
    while piece := await reader.read(65536):
        answer += piece
        if until and answer.endswith(until):
            break
    writer.close()
    server.stop()
    await running
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


@for_each(
    ("head", "parts", "body"),
    [
        (WHOLE, [{"body": b"hello"}], b"hello"),
        (WHOLE, [{"body": b"he", "more_body": True}, {"body": b"llo"}], b"hello"),
        ([], [{"body": b"he", "more_body": True}, {"body": b""}], b"2\r\nhe\r\n0\r\n\r\n"),
        ([], [{}], b"0\r\n\r\n"),
        ([(b"content-length", b"200000")], [{"body": b"x" * 200_000}], b"x" * 200_000),
    ],
)
def test_a_body_is_framed_according_to_its_headers(head: Any, parts: list[Part], body: bytes) -> None:
    answer = asyncio.run(ask(sends(*parts, head=head), GET))
    start, _, rest = answer.partition(b"\r\n\r\n")
    assert rest == body
    assert start.startswith(b"HTTP/1.1 200 OK\r\n")
    assert start.endswith((b"transfer-encoding: chunked\r\n" if not head else b"") + b"connection: close")


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


async def echo(_: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


POST = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [POST % 5 + b"hello"],
        [POST % 5, b"he", b"llo"],
        [POST[:20], POST[20:] % 5, b"hello"],
        [POST.replace(b"content-length: %d", b"transfer-encoding: chunked") + b"5\r\nhello\r\n0\r\nx-late: 1\r\n\r\n"],
    ],
)
def test_a_body_is_read_whole_however_it_comes(pieces: list[bytes]) -> None:
    assert asyncio.run(ask(echo, *pieces)).endswith(b"\r\n\r\nhello")


def test_a_body_larger_than_what_waits_for_its_reader_is_read_whole() -> None:
    body = bytes(range(97, 123)) * 40_000
    assert asyncio.run(ask(echo, POST % len(body) + body)).endswith(b"\r\n\r\n" + body)


def test_a_client_that_expects_100_continue_gets_it() -> None:
    head = POST.replace(b"connection: close", b"connection: close\r\nexpect: 100-continue") % 5
    answer = asyncio.run(ask(echo, head, b"hello"))
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_repeated_headers_are_one_with_all_their_values() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await sends({"body": dict(scope["headers"])[b"x-a"].ljust(5)}, head=WHOLE)(scope, receive, send)

    assert asyncio.run(ask(app, GET.replace(b"host: a", b"host: a\r\nX-A: 1\r\nx-a: 2"))).endswith(b"1, 2 ")


@pytest.mark.parametrize(
    "request_", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nx y: 1\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_http_is_refused_in_the_envelope_and_its_connection_closed(request_: bytes) -> None:
    answer = asyncio.run(ask(echo, request_))
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b'"code":"malformed_request"' in answer


def test_a_head_without_end_is_refused() -> None:
    endless = [b"GET / HTTP/1.1\r\nx-a: ", *[b"a" * 100_000] * 4]
    assert asyncio.run(ask(echo, *endless)).startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize("odd", [b"a: b\r\n" * 300, b"a" * 300 + b": b\r\n"])
def test_too_many_headers_and_too_long_names_are_refused(odd: bytes) -> None:
    answer = asyncio.run(ask(echo, b"GET / HTTP/1.1\r\nhost: a\r\n" + odd + b"\r\n"))
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_trailers_are_passed_over_however_many_there_are() -> None:
    head = POST.replace(b"content-length: %d", b"transfer-encoding: chunked")
    answer = asyncio.run(ask(echo, head + b"5\r\nhello\r\n0\r\n" + b"a: b\r\n" * 5000 + b"\r\n"))
    assert answer.endswith(b"\r\n\r\nhello")


def test_an_answer_before_the_body_that_was_not_asked_for_ends_the_connection() -> None:
    async def early(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": WHOLE})
        await send({"type": "http.response.body", "body": b"hello"})

    head = POST.replace(b"connection: close\r\n", b"expect: 100-continue\r\n") % 5
    assert b"connection: close\r\n" in asyncio.run(ask(early, head))


def test_a_head_request_that_is_refused_is_answered_without_a_body() -> None:
    def refuse(cycle: RequestCycle) -> None:
        cycle.answer(503, [b"x-a: 1\r\n"], b"refused")

    async def trial() -> bytes:
        listening = socket.create_server(("127.0.0.1", 0))
        server = Server(refuse, Admission(8), USUAL)
        running = asyncio.create_task(server.run(listening))
        await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(GET.replace(b"GET", b"HEAD"))
        answer = await reader.read()
        writer.close()
        server.stop()
        await running
        return answer

    answer = asyncio.run(trial())
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n") and answer.endswith(b"\r\n\r\n")


def test_answers_that_nobody_reads_are_not_heaped_up() -> None:
    async def trial() -> int:
        served = 0

        def serve(cycle: RequestCycle) -> None:
            nonlocal served
            served += 1
            cycle.answer(200, [], b"x" * 2**20)

        listening = socket.create_server(("127.0.0.1", 0))
        server = Server(serve, Admission(8), USUAL)
        running = asyncio.create_task(server.run(listening))
        await asyncio.sleep(0)
        reader, writer = await asyncio.open_connection(*listening.getsockname(), limit=2**12)
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * 200)
        await asyncio.sleep(0.5)
        before = served
        while served < 200:
            await reader.read(2**20)
        writer.close()
        server.stop()
        await running
        return before

    assert asyncio.run(trial()) < 50


@pytest.mark.parametrize("body", [b"hell", b"hello!"])
def test_a_body_of_another_length_than_declared_ends_the_connection(body: bytes) -> None:
    answer = asyncio.run(ask(sends({"body": body}, head=WHOLE), GET.replace(b"connection: close\r\n", b"")))
    assert not answer.endswith(b"hello!")
