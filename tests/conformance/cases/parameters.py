"""B2: a value for every parameter of the official client's calls, so that one without fails a test when it grows."""

from __future__ import annotations

from typing import Any

from tests.conformance.cases.case import MODEL, USER, Case

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CACHE = {"mode": "explicit", "ttl": "30m"}
SHARED: dict[str, list[Any]] = {
    "frequency_penalty": [0, -0.5], "logit_bias": [{"50256": -100}], "n": [1, 3], "presence_penalty": [0, 1.25],
    "seed": [0, 2**53 + 1], "stop": ["\n", ["a", "é"], None], "temperature": [0, 0.0, 1.7], "top_p": [0, 1],
    "user": ["u"], "max_tokens": [1], "stream_options": [None],
}  # fmt: skip
CHAT: dict[str, list[Any]] = {
    **SHARED,
    "audio": [{"format": "wav", "voice": "alloy"}], "function_call": ["auto", {"name": "f"}],
    "functions": [[{"name": "f", "parameters": {}}]], "logprobs": [True, False], "max_completion_tokens": [1, None],
    "metadata": [{"a": "b"}, {}], "modalities": [["text", "audio"]], "moderation": [{"model": "omni"}],
    "parallel_tool_calls": [True, False], "prediction": [{"type": "content", "content": "x"}],
    "prompt_cache_key": ["k"], "prompt_cache_options": [CACHE], "prompt_cache_retention": ["24h"],
    "reasoning_effort": ["minimal", None], "response_format": [{"type": "json_object"}], "safety_identifier": ["s"],
    "service_tier": ["flex"], "store": [True, False], "tool_choice": ["none"], "tools": [[TOOL], []],
    "top_logprobs": [0, 20], "verbosity": ["low"], "web_search_options": [{"search_context_size": "low"}, {}],
}  # fmt: skip
TEXT: dict[str, list[Any]] = {
    **SHARED, "best_of": [2], "echo": [True, False], "logprobs": [0, 5], "suffix": ["", "z"],
}  # fmt: skip
EMBEDDINGS: dict[str, list[Any]] = {
    "dimensions": [2], "encoding_format": ["float", "base64"], "user": ["u"],
}  # fmt: skip
RESPONSES: dict[str, list[Any]] = {
    "access_programs": [[{"name": "p"}]], "background": [False], "background_options": [{"a": 1}],
    "context_management": [[{"type": "compaction"}]], "conversation": ["conv_1", {"id": "conv_1"}],
    "image": [{"a": 1}], "include": [["reasoning.encrypted_content"]], "input": ["hi", [{"role": "user",
    "content": [{"type": "input_text", "text": "é"}]}]], "instructions": ["", "Be kind."],
    "max_output_tokens": [16], "max_tool_calls": [0, 3], "metadata": [{"a": "b"}], "moderation": [{"model": "omni"}],
    "parallel_tool_calls": [True, False], "previous_response_id": ["resp_1"], "prompt": [{"id": "p", "version": "2"}],
    "prompt_cache_key": ["k"], "prompt_cache_options": [CACHE], "prompt_cache_retention": ["24h"],
    "reasoning": [{"effort": "low", "summary": "auto"}], "safety_identifier": ["s"], "service_tier": ["auto"],
    "store": [True, False], "stream_options": [None], "temperature": [0, 0.7], "text": [{"format": {"type": "text"}}],
    "tool_choice": ["auto"], "tools": [[{"type": "web_search"}]], "top_logprobs": [0], "top_p": [0.5],
    "truncation": ["auto"], "user": ["u"],
}  # fmt: skip
CALLS: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    "chat.completions": ({"messages": USER}, CHAT),
    "completions": ({"prompt": "p"}, TEXT),
    "embeddings": ({"input": "i"}, EMBEDDINGS),
    "responses": ({"input": "i"}, RESPONSES),
}
"""By place in the client: what must be asked, and values of everything else; ``model`` and ``stream`` apart."""
NEW: dict[str, set[str]] = {"responses": {"access_programs", "background_options", "image"}}
"""Parameters that the oldest client of the tests lacks."""


def _cases() -> list[Case]:
    return [
        Case(
            "B2",
            f"{place} {name} {number}",
            f"{place}.create",
            {"model": MODEL, **least, name: value},
            on_wire=False,
            newest_client_only=name in NEW.get(place, ()),
        )
        for place, (least, values) in CALLS.items()
        for name, options in values.items()
        for number, value in enumerate(options)
    ]


CASES = _cases()
