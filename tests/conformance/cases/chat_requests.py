"""B, requests: what an application may ask of a chat, and of embeddings and the old completions."""

from __future__ import annotations

from typing import Any

from tests.conformance.cases.case import MODEL, Case, chat

FUNCTION = {"type": "function", "function": {"name": "f", "strict": True, "parameters": {"type": "object",
            "properties": {}, "required": [], "additionalProperties": False}}}  # fmt: skip
CUSTOM = {"type": "custom", "custom": {"name": "c", "format": {"type": "grammar", "grammar": {"syntax": "lark",
          "definition": 'start: "a"'}}}}  # fmt: skip
TOOLS = {"tools": [FUNCTION, CUSTOM]}
CHOICES: dict[str, Any] = {
    "auto": "auto", "none": "none", "required": "required", "named": {"type": "function", "function": {"name": "f"}},
    "allowed": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function":
                {"name": "f"}}]}},
}  # fmt: skip
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "strict": True, "schema": {"type": "object", "$defs": {},
          "properties": {"é": {"type": "number", "const": 1.0}}}}}  # fmt: skip
ROLES = [
    {"role": "system", "content": "one"}, {"role": "developer", "content": "two", "name": "d"},
    {"role": "system", "content": "three"}, {"role": "user", "content": "q"},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f",
     "arguments": '{ "a" : '}}]},
    {"role": "tool", "tool_call_id": "c", "content": ""}, {"role": "function", "name": "f", "content": "x"},
    {"role": "assistant", "content": "", "refusal": None}, {"role": "user", "content": []},
    {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": ""}]},
]  # fmt: skip
MEDIA = {
    "an image by address": {"type": "image_url", "image_url": {"url": "https://e.example/é.png", "detail": "low"}},
    "an image as data": {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
    "a file": {"type": "file", "file": {"filename": "é.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
    "sound": {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
}
VECTOR_AS = {"base64": "AACAPgAAwL8AAEBA", "dimensions": [0.25, -1.5]}
WORDS = {"emoji": "👩‍🚀", "right to left": "שלום \u202e", "NUL": "a\u0000b", "line separators": "\u2028\u2029",
         "controls": "\u0001\u007f\t\r\n"}  # fmt: skip


def _messages() -> list[Case]:
    cases = [
        chat("B7", "all roles in their order", ask={"messages": ROLES[:7]}),
        chat("B8", "content as text, parts, null and nothing", ask={"messages": ROLES[4:]}),
    ]
    for name, part in MEDIA.items():
        cases.append(chat("B12", name, ask={"messages": [{"role": "user", "content": [part]}]}))
    for name, words in WORDS.items():
        cases.append(chat("B13", f"request with {name}", ask={"messages": [{"role": "user", "content": words}]}))
    return cases


def _tools() -> list[Case]:
    cases = [chat("B9", f"tool_choice {name}", ask={**TOOLS, "tool_choice": how}) for name, how in CHOICES.items()]
    for how in (True, False):
        cases.append(chat("B9", f"parallel_tool_calls {how}", ask={**TOOLS, "parallel_tool_calls": how}))
    formats = {"text": {"type": "text"}, "json_object": {"type": "json_object"}, "json_schema": SCHEMA}
    return [*cases, *(chat("B11", name, ask={"response_format": how}) for name, how in formats.items())]


def _large() -> list[Case]:
    def user(text: str) -> dict[str, Any]:
        return {"role": "user", "content": text}

    many = [user(f"message {n} é") if n % 2 else {"role": "assistant", "content": f"{n}"} for n in range(1000)]
    tools = [{"type": "function", "function": {"name": f"f{n}", "parameters": {"type": "object"}}} for n in range(128)]
    answer = {"kind": "bytes", "body": '{"id": "' + "x" * 2**20 + '", "choices": []}', "framing": "chunked",
              "pieces": 2**18}  # fmt: skip
    return [
        chat("B14", "a request of 20 MB", ask={"messages": [user("é" * 10_000_000)]}, on_wire=False),
        chat("B14", "a thousand messages", ask={"messages": many}),
        chat("B14", "128 tools", ask={"tools": tools}),
        chat("B14", "a large answer", script=answer, read="raw"),
    ]


def _extras() -> list[Case]:
    more = {"x_vendor": {"a": [None, 1.5, 10**25]}, "top_k": 5, "empty": {}, "none": None}
    return [
        chat("B1", "unknown fields of a request", ask={"extra_body": more}),
        chat("B1", "headers of a request", ask={"extra_headers": {"x-custom": "kept", "idempotency-key": "i"}}),
        chat("B1", "a query of a request", ask={"extra_query": {"a": "b c", "é": "1"}}),
    ]


def _embeddings() -> list[Case]:
    asked: dict[str, dict[str, Any]] = {
        "base64 by default": {"input": "a"}, "base64": {"input": "a", "encoding_format": "base64"},
        "floats": {"input": "a", "encoding_format": "float"}, "several": {"input": ["a", "é"]},
        "tokens": {"input": [1, 2, 3]}, "several of tokens": {"input": [[1, 2], [3]]},
        "dimensions": {"input": "a", "dimensions": 2},
    }  # fmt: skip
    return [
        Case("B17", name, "embeddings.create", {"model": MODEL, **ask},
             holds={"data.0.embedding": VECTOR_AS.get(name, [0.25, -1.5, 3.0])})
        for name, ask in asked.items()
    ]  # fmt: skip


def _completions() -> list[Case]:
    asked: dict[str, dict[str, Any]] = {
        "text": {"prompt": "a"}, "several": {"prompt": ["a", "b"]}, "tokens": {"prompt": [1, 2]},
        "several of tokens": {"prompt": [[1], [2]]}, "echo and suffix": {"prompt": "a", "echo": True, "suffix": "z"},
    }  # fmt: skip
    whole = [Case("B19", name, "completions.create", {"model": MODEL, **ask}) for name, ask in asked.items()]
    streamed = Case("B19", "a stream", "completions.create", {"model": MODEL, "prompt": "a", "stream": True},
                    read="stream")  # fmt: skip
    return [*whole, streamed]


def _models() -> list[Case]:
    error = {"error": "NotFoundError", "only_gateway": True}
    return [
        Case("B18", "one with a slash and a colon", "models.retrieve", {"model": "acme/fake:tuned"}, only_gateway=True,
             holds={"id": "acme/fake:tuned", "object": "model", "shutdown_date": "2027-01-31"}),
        Case("B18", "one that is not there", "models.retrieve", {"model": "no/such:model"}, **error,
             holds={"code": "model_not_found"}),
    ]  # fmt: skip


CASES = [*_messages(), *_tools(), *_large(), *_extras(), *_embeddings(), *_completions(), *_models()]
