"""Responses as data: what each odd stream is made of."""

from __future__ import annotations

from typing import Any

from tests.fixtures.upstream.responses import MESSAGE

NOTE = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 5}
TEXT = {"type": "output_text", "text": "Hello ü 🙂", "annotations": [NOTE], "logprobs": []}
CALL = {
    "id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "look",
    "arguments": '{ "a":"\\u00fc" , "b" : 1}',
}  # fmt: skip
THOUGHT = {
    "id": "rs_1", "type": "reasoning", "status": "completed", "encrypted_content": "gAAA",
    "summary": [{"type": "summary_text", "text": "First this"}],
}  # fmt: skip
REFUSED = {**MESSAGE, "content": [{"type": "refusal", "refusal": "I cannot do that"}]}
FUTURE = {"type": "response.dreaming.delta", "dream": {"of": None, "n": 1.50}, "output_index": 0}
BUSY = {"type": "error", "code": "rate_limit_exceeded", "message": "too many", "param": None}

STREAMS: dict[str, dict[str, Any]] = {
    "text with an annotation": {"output": [{**MESSAGE, "content": [TEXT]}]},
    "a function call": {"output": [CALL]},
    "a reasoning summary, then text": {"output": [THOUGHT, MESSAGE]},
    "a refusal": {"output": [REFUSED]},
    "two calls and a text": {"output": [CALL, {**CALL, "id": "fc_2", "call_id": "call_2", "name": "find"}, MESSAGE]},
    "events that are not known yet": {"extra": [FUTURE]},
    "incomplete": {"ends": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
    "failed": {"ends": "failed"},
    "an error event": {"extra": [BUSY], "finish": False},
}
TERMINAL = {"incomplete": "response.incomplete", "failed": "response.failed", "an error event": "error"}
