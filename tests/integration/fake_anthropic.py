"""A fake of Anthropic's Messages protocol on a real socket: does what its ``script`` says, records what it saw.

Kinds beside those of `FakeUpstream` (``raw``, ``html``, ``reset``, ``stall``): ``json`` (default; becomes a stream
where one is asked for; ``text``, ``tool``, ``thinking``, ``stop_reason``; for a stream ``delay``, ``then``: ``end`` |
``cut`` | ``reset`` | ``stall`` | ``error``, after ``until`` events) and ``error`` (``status``, ``type``,
``message``, ``headers``).

Run alone: ``python tests/integration/fake_anthropic.py [PORT]`` prints its port.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from tests.upstream.server import FakeUpstream
from tests.upstream.wire import write_end, write_head

USAGE = {"input_tokens": 11, "output_tokens": 5}
TOOL = {"id": "toolu_1", "name": "lookup", "input": {"order": "LM-1"}}


class FakeAnthropic(FakeUpstream):
    """Serves ``/v1/messages`` from a thread of its own."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _do_json(self, asked: dict[str, Any], script: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(script.get("delay", 0))
        blocks = [
            {"type": "thinking", "thinking": script["thinking"], "signature": "sig"} if "thinking" in script else None,
            {"type": "text", "text": script.get("text", "Hello")},
            {"type": "tool_use", **TOOL} if script.get("tool") else None,
        ]
        message = {**_message(asked), "content": [block for block in blocks if block], "usage": USAGE}
        message["stop_reason"] = _stop_reason(script)
        body = json.dumps(message).encode()
        write_head(writer, 200, {"content-type": "application/json", **script.get("headers", {})}, len(body))
        writer.write(body)
        await writer.drain()

    async def _do_error(self, _: dict[str, Any], script: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        said = {"type": script.get("type", "api_error"), "message": script.get("message", "It went wrong.")}
        body = json.dumps({"type": "error", "error": said, "request_id": "req_1"}).encode()
        write_head(
            writer, script["status"], {"content-type": "application/json", **script.get("headers", {})}, len(body)
        )
        writer.write(body)
        await writer.drain()

    async def _do_stream(self, asked: dict[str, Any], script: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        write_head(writer, 200, {"content-type": "text/event-stream; charset=utf-8"}, None)
        events = _events(asked, script)
        then = script.get("then", "end")
        for event in events if then == "end" else events[: script.get("until", -3)]:
            await _write(writer, event)
            await asyncio.sleep(script.get("delay", 0))
        then = "end" if then == "cut" else then
        if then == "error":
            said = {"type": "overloaded_error", "message": "Overloaded"}
            await _write(writer, {"type": "error", "error": said})
            then = "end"
        await write_end(then, writer)


async def _write(writer: asyncio.StreamWriter, event: dict[str, Any]) -> None:
    piece = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
    writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    await writer.drain()


def _message(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": f"{asked.get('model')}-20260101",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _stop_reason(script: dict[str, Any]) -> str:
    return str(script.get("stop_reason", "tool_use" if script.get("tool") else "end_turn"))


def _events(asked: dict[str, Any], script: dict[str, Any]) -> list[dict[str, Any]]:
    begun = {**_message(asked), "usage": {**USAGE, "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
    words = script.get("words", ["Hello", " you", " there"])
    events += _block(0, {"type": "text", "text": ""}, [{"type": "text_delta", "text": word} for word in words])
    if script.get("tool"):
        pieces = ['{"order"', ': "LM-1"}']
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        events += _block(1, {"type": "tool_use", **TOOL, "input": {}}, deltas)
    stopped = {"stop_reason": _stop_reason(script), "stop_sequence": None}
    events.append({"type": "message_delta", "delta": stopped, "usage": USAGE})
    return [*events, {"type": "message_stop"}]


def _block(index: int, opener: dict[str, Any], deltas: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": opener},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


if __name__ == "__main__":
    upstream = FakeAnthropic(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(upstream.port, flush=True)
    upstream.run_forever()
