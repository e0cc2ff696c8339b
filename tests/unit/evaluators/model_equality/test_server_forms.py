"""Servers of several kinds are understood, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from evaluators.engine.target import Target
from evaluators.model_equality.border_probes import ProbeAnswer
from evaluators.model_equality.completion_client import CompletionClient
from evaluators.model_equality.parity_file import ParityRow, Recorded
from evaluators.model_equality.server_prompts import ServerPrompt, ask_prompts

HI = Recorded(text="Hi", tokens=("Hi",), tops=({"Hi": -0.1},))
ROW = ParityRow(messages=({"role": "user", "content": "Hello"},), prompt="<s>Hello", token_ids=(1, 5), on=HI, off=HI)
LEGACY = {"tokens": ["Hi"], "token_logprobs": [-0.1], "text_offset": [0], "top_logprobs": [{"Hi": -0.1, "Yo": -2.5}]}


@contextmanager
def server(answers: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """Its URL and the requests that it gets; a path that is not among the answers gets status 404."""
    asked: list[tuple[str, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append((self.path, body))
            answer = answers.get(self.path)
            content = json.dumps(answer(body) if callable(answer) else answer).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/v1", asked
    finally:
        running.shutdown()
        running.server_close()


def test_vllms_log_probabilities_of_a_completion_are_read() -> None:
    reply = {"choices": [{"text": "Hi", "logprobs": LEGACY}], "usage": {"prompt_tokens": 2, "completion_tokens": 1}}

    async def complete(url: str) -> ProbeAnswer | None:
        async with CompletionClient(Target("tuned", "tuned", url), concurrency=1) as client:
            assert isinstance(client, CompletionClient)
            return await client.complete((1, 5), 1, 2)

    with server({"/v1/completions": reply}) as (url, asked):
        answer = asyncio.run(complete(url))
    assert answer is not None
    assert (answer.text, answer.tokens, answer.tokens_in) == ("Hi", ("Hi",), 2)
    assert answer.tops == {"Hi": -0.1, "Yo": -2.5}
    assert asked == [
        (
            "/v1/completions",
            {"prompt": [1, 5], "max_tokens": 1, "temperature": 0, "logprobs": 2, "model": "tuned"},
        )
    ]


def test_vllm_splits_messages_and_llama_cpp_renders_them() -> None:
    def vllm(body: dict[str, Any]) -> dict[str, Any]:
        return {"tokens": [1, 2, 5] if "messages" in body else [1, 5], "count": 2}

    def llama(body: dict[str, Any]) -> dict[str, Any]:
        return {"tokens": [1, 1, 5] if body["add_special"] else [1, 5]}

    with server({"/tokenize": vllm}) as (url, _):
        assert asyncio.run(ask_prompts(url, None, "tuned", [ROW])) == (ServerPrompt((1, 5), (1, 2, 5)),)
    with server({"/tokenize": llama, "/apply-template": {"prompt": "<s><s>Hello"}}) as (url, _):
        found = asyncio.run(ask_prompts(url, None, "tuned", [ROW]))
        assert found == (ServerPrompt((1, 5), (1, 1, 5), "<s><s>Hello"),)


def test_a_server_that_tells_nothing_is_asked_once() -> None:
    with server({}) as (url, asked):
        assert asyncio.run(ask_prompts(url, None, "tuned", [ROW] * 3)) == (ServerPrompt(),) * 3
        assert len(asked) == 1
    with server({"/tokenize": {"tokens": ["a"]}}) as (url, asked):
        assert asyncio.run(ask_prompts(url, None, "tuned", [ROW])) == (ServerPrompt(),)
