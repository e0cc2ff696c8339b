"""The kinds of answers of the fake upstream, one method each: whole, streamed, byte by byte, broken."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.upstream.chat import chat_events, completion
from tests.upstream.wire import chunk, hang_up, payload, reset, stall, write_end, write_head


class Kinds:
    """Each ``_do_…`` answers one request: what was asked, its script, and where to write."""

    async def _do_json(self, asked: dict[str, Any], script: dict[str, Any], writer: Any) -> None:
        status, base = script.get("base") or (200, completion(asked))
        answer = script["whole"] if "whole" in script else {**base, **script.get("answer", {})}
        body = json.dumps(answer).encode()
        await asyncio.sleep(script.get("delay", 0))
        headers = {"content-type": "application/json", **script.get("headers", {})}
        write_head(writer, script.get("status", status), headers, len(body))
        writer.write(body)
        await writer.drain()

    async def _do_stream(self, asked: dict[str, Any], script: dict[str, Any], writer: Any) -> None:
        headers = {"content-type": "text/event-stream; charset=utf-8", **script.get("headers", {})}
        write_head(writer, script.get("status", 200), headers, None)
        size = script.get("bytes_each", 0)
        for event in script.get("events") or chat_events(asked, script):
            raw = event.encode("utf-8", "surrogatepass")
            for start in range(0, len(raw), size or len(raw)):
                writer.write(chunk(raw[start : start + (size or len(raw))]))
                await writer.drain()
                if size:
                    await asyncio.sleep(0)
            await asyncio.sleep(script.get("delay", 0))
        await write_end(script.get("then", "end"), writer)

    async def _do_bytes(self, _: dict[str, Any], script: dict[str, Any], writer: Any) -> None:
        body, framing = payload(script, "body"), script.get("framing", "length")
        length = {"length": script.get("declared", len(body)), "chunked": None, "close": -1}[framing]
        await asyncio.sleep(script.get("delay", 0))
        headers = script.get("headers", {"content-type": "application/json"})
        write_head(writer, script.get("status", 200), headers, length, reason=script.get("reason", "Fake"))
        size = script.get("pieces") or len(body) or 1
        for start in range(0, len(body), size):
            piece = body[start : start + size]
            writer.write(chunk(piece) if framing == "chunked" else piece)
            await writer.drain()
            if start + size < len(body):
                await asyncio.sleep(script.get("gap", 0))
        if framing == "chunked":
            await write_end(script.get("then", "end"), writer)
        elif framing == "close" or "then" in script:
            await _leave(script.get("then", "close"), writer)

    async def _do_raw(self, _: dict[str, Any], script: dict[str, Any], writer: Any) -> None:
        writer.write(payload(script, "text"))
        await hang_up(writer)

    async def _do_steps(self, _: dict[str, Any], script: dict[str, Any], writer: Any) -> None:
        for step in script["steps"]:
            if "wait" in step:
                await asyncio.sleep(step["wait"])
            elif "then" in step:
                await _leave(step["then"], writer)
            else:
                writer.write(payload(step, "send"))
                await writer.drain()

    async def _do_flood(self, _: dict[str, Any], script: dict[str, Any], writer: Any) -> None:
        """``mib`` of one unfinished value, of ``type``."""
        write_head(writer, 200, {"content-type": script["type"]}, None)
        for piece in [b'data: {"x": "', *[b"a" * 2**20] * script["mib"]]:
            writer.write(chunk(piece))
            await writer.drain()
        await write_end("end", writer)

    async def _do_html(self, _: dict[str, Any], script: dict[str, Any], writer: Any) -> None:
        body = b"<html><h1>Bad Gateway</h1></html>"
        write_head(writer, script.get("status", 502), {"content-type": "text/html"}, len(body))
        writer.write(body)
        await writer.drain()

    async def _do_reset(self, _: dict[str, Any], __: dict[str, Any], writer: Any) -> None:
        reset(writer)

    async def _do_stall(self, _: dict[str, Any], __: dict[str, Any], writer: Any) -> None:
        await stall(writer)


async def _leave(then: str, writer: Any) -> None:
    if then == "reset":
        await asyncio.sleep(0.05)
        reset(writer)
    if then == "stall":
        await stall(writer)
    await hang_up(writer)
