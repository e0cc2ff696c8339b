"""An upstream of the Responses API by hand, and what the official client sees of a response."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

from tests.conformance.harness.stream_fixture import View, async_client, failure, sent, sync_client
from tests.fixtures.upstream.manual_upstream import STREAM_HEAD, Exchange
from tests.fixtures.upstream.responses import about, response, response_events

ASK: dict[str, Any] = {"model": "plain", "input": "q", "stream": True}
PATH = "/v1/responses"


def events(script: dict[str, Any], asked: dict[str, Any] = ASK) -> list[bytes]:
    return [made.encode() for made in response_events(asked, script)]


class Speaks:
    """An upstream of the Responses API: streams ``script``, names each response anew, knows what it made."""

    def __init__(self, script: dict[str, Any] | None = None) -> None:
        self.script = script or {}
        self.seen: list[Exchange] = []

    def __call__(self, asked: Exchange) -> None:
        self.seen.append(asked)
        path = asked.path.partition("?")[0]
        if asked.method == "POST" and path == f"{PATH}/input_tokens":
            asked.json_answer({"object": "response.input_tokens", "input_tokens": 7})
        elif asked.method != "POST" or path != PATH:
            status, answer = about(asked.method, path.removeprefix(f"{PATH}/").split("/"))
            asked.json_answer(answer, status)
        elif asked.json.get("stream"):
            asked.raw(STREAM_HEAD)
            asked.stream(*events(self.script, {**asked.json, "model": "m-1"}), pause=0.001)
            asked.end()
        else:
            asked.json_answer(response({**asked.json, "model": "m-1"}, self.script, ident=f"resp_{uuid4().hex}"))


def data(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream as their data."""
    lines = [line for line in stream.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line[6:]) for line in lines]


def sync_view(port: int, ask: dict[str, Any]) -> View:
    """The official client's events of a response."""
    seen: list[Any] = []
    with sync_client(port) as asking:
        try:
            for made in asking.responses.create(**ask):
                seen.append(sent(made))
        except Exception as error:  # noqa: BLE001 - every class is compared
            return View(seen, failure(error))
    return View(seen, None)


def async_view(port: int, ask: dict[str, Any]) -> View:
    """The same with the asynchronous client."""

    async def view() -> View:
        seen: list[Any] = []
        async with async_client(port) as asking:
            try:
                async for made in await asking.responses.create(**ask):
                    seen.append(sent(made))
            except Exception as error:  # noqa: BLE001 - every class is compared
                return View(seen, failure(error))
        return View(seen, None)

    return asyncio.run(view())


def final_view(port: int, ask: dict[str, Any]) -> View:
    """The events and the response that the official client's own accumulator puts together."""
    plain = {name: value for name, value in ask.items() if name != "stream"}
    kinds: list[str] = []
    with sync_client(port) as asking:
        try:
            with asking.responses.stream(**plain) as stream:
                kinds += [made.type for made in stream]
                return View([kinds, sent(stream.get_final_response())], None)
        except Exception as error:  # noqa: BLE001 - every class is compared
            return View([kinds], failure(error))


VIEWS = (sync_view, async_view, final_view)
