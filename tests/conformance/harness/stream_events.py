"""Chat streams as data: the chunks of each odd case, and the bytes of an event."""

from __future__ import annotations

import json
from typing import Any

from tests.fixtures.upstream.manual_upstream import Exchange, Script, plays

BASE = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
USAGE = {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}
DONE = b"data: [DONE]\n\n"
Json = dict[str, Any]


def chunk(delta: Json | None = None, *, index: int = 0, finish: str | None = None, **more: Any) -> Json:
    """One chunk of one choice; ``more`` goes beside the choices."""
    choice = {"index": index, "delta": {} if delta is None else delta, "logprobs": None, "finish_reason": finish}
    return {**BASE, "choices": [choice], **more}


def event(data: Json) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def wire(chunks: list[Json]) -> list[bytes]:
    return [*map(event, chunks), DONE]


def called(index: int, **function: Any) -> Json:
    """A delta of one tool call: the opener where it has a name."""
    opener = {"id": f"call_{index}", "type": "function"} if "name" in function else {}
    return {"tool_calls": [{"index": index, **opener, "function": function}]}


def speaks(text: str, *, probability: float = -0.25) -> Json:
    token = {"token": text, "logprob": probability, "bytes": list(text.encode()), "top_logprobs": []}
    made = chunk({"content": text})
    made["choices"][0]["logprobs"] = {"content": [token], "refusal": None}
    return made


ROLE = chunk({"role": "assistant", "content": "", "refusal": None})
STOP = chunk(finish="stop")
HELLO = [ROLE, chunk({"content": "Hel"}), chunk({"content": "lo"}), STOP]
WORDS = [ROLE, *(chunk({"content": f"w{number} "}) for number in range(20)), STOP]

CONTENT: dict[str, list[Json]] = {
    "c2 one id, object, created and model": [{**made, "system_fingerprint": "fp_1"} for made in HELLO],
    "c3 the role once for each choice": [
        chunk({"role": "assistant", "content": ""}, index=0),
        chunk({"role": "assistant", "content": ""}, index=1),
        chunk({"content": "a"}, index=0),
        chunk({"content": "b"}, index=1),
        chunk(finish="stop", index=0),
        chunk(finish="stop", index=1),
    ],
    "c4 one tool call in pieces": [
        chunk({"role": "assistant", "content": None}),
        chunk(called(0, name="look", arguments="")),
        chunk(called(0, arguments='{ "a" :')),
        chunk(called(0, arguments=' "\\u00fc", ')),
        chunk(called(0, arguments='"b": 1}')),
        chunk(finish="tool_calls"),
    ],
    "c4 two tool calls interleaved": [
        chunk({"role": "assistant", "content": None}),
        chunk(called(0, name="look", arguments="")),
        chunk(called(1, name="find", arguments="")),
        chunk(called(0, arguments='{"x":')),
        chunk(called(1, arguments='{"y":')),
        chunk(called(1, arguments="2}")),
        chunk(called(0, arguments="1}")),
        chunk(finish="tool_calls"),
    ],
    "c4 a whole tool call in one delta": [
        chunk({"role": "assistant", "content": None, **called(0, name="look", arguments='{"a":1}')}),
        chunk(finish="tool_calls"),
    ],
    "c4 arguments that are no JSON": [
        chunk({"role": "assistant", "content": None}),
        chunk(called(0, name="look", arguments="{'a': NaN,")),
        chunk(finish="tool_calls"),
    ],
    "c6 two choices interleaved": [
        *(chunk({"role": "assistant", "content": ""}, index=index) for index in range(2)),
        *(chunk({"content": f"{number}"}, index=number % 2) for number in range(6)),
        chunk(index=1, finish="length"),
        chunk(index=0, finish="stop"),
    ],
    "c6 logprobs accumulate": [ROLE, speaks("He"), speaks("🙂", probability=-9999.0), STOP],
    "c6 a refusal in pieces": [
        chunk({"role": "assistant", "content": None, "refusal": ""}),
        chunk({"refusal": "I can"}),
        chunk({"refusal": "'t"}),
        STOP,
    ],
    "c6 obfuscation, reasoning and unknown fields": [
        {**ROLE, "obfuscation": "aX3"},
        chunk({"reasoning_content": "hm"}, obfuscation="q", service_tier="default", vendor={"n": 1, "null": None}),
        chunk({"content": "x", "annotations": [{"type": "url_citation"}]}, obfuscation=""),
        STOP,
    ],
    "c7 a finish and nothing more": [ROLE, chunk({"content": "x"}, finish="stop")],
}


def speaks_as_asked(chunks: list[Json], *, usage: Json | None = None) -> Script:
    """An upstream that adds the usage as OpenAI does: only where the request asks for it."""

    def script(asked: Exchange) -> None:
        wanted = (asked.json.get("stream_options") or {}).get("include_usage")
        if not wanted:
            return plays(*wire(chunks))(asked)
        with_null = [{**made, "usage": None} for made in chunks]
        return plays(*wire([*with_null, {**BASE, "choices": [], "usage": usage or USAGE}]))(asked)

    return script


FRAMINGS: dict[str, list[bytes]] = {
    "lines end with LF": wire(HELLO),
    "lines end with CRLF": [made.replace(b"\n", b"\r\n") for made in wire(HELLO)],
    "lines end with CR": [made.replace(b"\n", b"\r") for made in wire(HELLO)],
    "line ends mixed in one stream": [
        made.replace(b"\n", ends) for made, ends in zip(wire(WORDS), [b"\n", b"\r\n", b"\r"] * 8, strict=False)
    ],
    "CRLF cut between CR and LF": [
        piece for made in wire(HELLO) for piece in (made[:-2] + b"\r\n\r", b"\n")
    ],
    "data in several lines": [event(HELLO[0]), b'data: {"id":"x",\ndata: "choices":[]}\n\n', DONE],
    "a BOM before the first event": [b"\xef\xbb\xbf" + event(HELLO[0]), *wire(HELLO[1:])],
    "event, id and retry lines": [
        b"event: chunk\nid: 1\nretry: 3000\n" + event(HELLO[0]), b"id\n" + event(HELLO[1]), *wire(HELLO[2:])
    ],
    "no space after the colon": [made.replace(b"data: ", b"data:") for made in wire(HELLO)],
    "comments of the upstream's own": [b": one\n\n", *wire(HELLO[:2])[:-1], b":\n\n: OPENROUTER PROCESSING\n\n", DONE],
    "events without data": [b"event: ping\n\n", *wire(HELLO)],
    "empty lines in a row": [b"\n\n\n", *(made + b"\n\n" for made in wire(HELLO))],
    "an event of one megabyte": wire([ROLE, chunk({"content": "ü😀" * 170_000}), STOP]),
    "all in one segment": [b"".join(wire(WORDS))],
    "no empty line at the end": [*wire(HELLO)[:-1], b"data: [DONE]"],
    "no line end and no DONE": [*wire(HELLO)[:-2], event(STOP).rstrip()],
    "no DONE": wire(HELLO)[:-1],
    "bytes after DONE": [*wire(HELLO), b": bye\n\n", event(HELLO[1])],
    "DONE twice": [*wire(HELLO), DONE],
    "DONE inside a text": wire([ROLE, chunk({"content": "data: [DONE]\n\n[DONE]"}), STOP]),
    "a lone surrogate and NUL, escaped": [
        *wire([ROLE])[:-1], b'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d \\u0000"}}]}\n\n', DONE
    ],
    "numbers as they were written": [
        *wire([ROLE])[:-1], b'data: {"choices":[],"big":12345678901234567890123,"f":1.50,"e":1E5 }\n\n', DONE
    ],
}  # fmt: skip
