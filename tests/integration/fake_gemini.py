"""A fake of Gemini's protocol on a real socket: text, whole or as a stream, and errors; records what it saw."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.upstream.server import FakeUpstream
from tests.upstream.wire import write_head

CANDIDATE = {"content": {"parts": [{"text": "Hello"}], "role": "model"}, "finishReason": "STOP", "index": 0}
USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}


class FakeGemini(FakeUpstream):
    """Serves ``/models/NAME:generateContent`` and its stream; with ``status`` in the script, that error."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _do_json(self, asked: dict[str, Any], script: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        content: dict[str, Any] = {"candidates": [CANDIDATE], "usageMetadata": USAGE, "modelVersion": "gemini-x-001"}
        status = script.get("status", 200)
        if status != 200:
            content = {"error": {"code": status, "message": "No quota.", "status": "RESOURCE_EXHAUSTED"}}
        body = json.dumps(content).encode()
        kind = "application/json"
        if status == 200 and "stream" in self.seen[-1].path:
            body, kind = b"data: " + body + b"\r\n\r\n", "text/event-stream"
        write_head(writer, status, {"content-type": kind, "retry-after": "3"}, len(body))
        writer.write(body)
        await writer.drain()
