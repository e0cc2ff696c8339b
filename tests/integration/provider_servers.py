"""Servers that speak the protocols of vLLM, OpenAI and Anthropic, and answer by the rules of the samples.

A model whose name is in ``tuned`` answers as ``sample-tuned``, any other as ``sample-base``, so that an evaluation on
them has a known outcome.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fake_anthropic import FakeAnthropic

from gateway.models.sample import sample_base, sample_tuned
from tests.upstream.seen import Seen
from tests.upstream.server import FakeUpstream
from tests.upstream.wire import write_head


def rule_for(model: str, tuned: str, messages: list[dict[str, Any]]) -> str:
    content = messages[-1]["content"]
    text = content if isinstance(content, str) else " ".join(part["text"] for part in content)
    return (sample_tuned if model == tuned else sample_base)(text)


class OpenaiServer(FakeUpstream):
    """OpenAI's protocol; knows its models alone, and lists them."""

    def __init__(self, base: str, tuned: str) -> None:
        super().__init__()
        self.base, self.tuned = base, tuned

    async def _answer(self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if seen.method == "GET":
            await self._send(writer, 200, {"object": "list", "data": self.cards()})
        else:
            await super()._answer(seen, reader, writer)

    def cards(self) -> list[dict[str, Any]]:
        return [{"id": name, "object": "model", "created": 1, "owned_by": "acme"} for name in (self.base, self.tuned)]

    async def _do_json(self, asked: dict[str, Any], script: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        if asked["model"] not in (self.base, self.tuned):
            message = f"The model `{asked['model']}` does not exist"
            error = {"message": message, "type": "invalid_request_error", "param": "model", "code": "model_not_found"}
            await self._send(writer, 404, {"error": error})
            return
        said = {"role": "assistant", "content": rule_for(asked["model"], self.tuned, asked["messages"])}
        answer = {"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}
        await super()._do_json(asked, {**script, "answer": answer}, writer)

    async def _send(self, writer: asyncio.StreamWriter, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        write_head(writer, status, {"content-type": "application/json"}, len(body))
        writer.write(body)
        await writer.drain()


class VllmServer(OpenaiServer):
    """As vLLM lists a base and an adapter: the adapter has a ``parent``."""

    def cards(self) -> list[dict[str, Any]]:
        base, tuned = super().cards()
        return [
            {**base, "owned_by": "vllm", "root": self.base, "parent": None, "max_model_len": 4096},
            {**tuned, "owned_by": "vllm", "root": "/models/lora", "parent": self.base},
        ]


class AnthropicServer(FakeAnthropic):
    """Anthropic's protocol."""

    def __init__(self, tuned: str) -> None:
        super().__init__()
        self.tuned = tuned

    async def _do_json(self, asked: dict[str, Any], script: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        text = rule_for(asked["model"], self.tuned, asked["messages"])
        await super()._do_json(asked, {**script, "text": text}, writer)
