"""C and D, streams: chunks and events as the client reads them, and what its own accumulator makes of them."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.cases.case import MODEL, USER, Case
from tests.conformance.harness.response_scripts import STREAMS, TERMINAL
from tests.conformance.harness.stream_events import CONTENT, FRAMINGS, HELLO, event, wire

CHAT = {"model": MODEL, "messages": USER}
CHUNKS = {**CHAT, "stream": True}
RESPONSE = {"model": MODEL, "input": "q"}
ERROR = {"message": "overloaded", "type": "server_error", "param": None, "code": "busy"}
NOT_READ = frozenset({
    "an event of one megabyte", "a BOM before the first event", "no line end and no DONE", "empty lines in a row",
    "all in one segment", "CRLF cut between CR and LF", "DONE twice", "bytes after DONE", "no DONE",
})  # fmt: skip
"""Framings that are compared as bytes, and with one client."""

RAISED = {
    "c6 two choices interleaved": "LengthFinishReasonError",
    "events without data": "JSONDecodeError",
}
"""What the official client raises, straight too."""


def streams(pieces: list[bytes], **more: Any) -> dict[str, Any]:
    """A script that sends these pieces."""
    return {"kind": "stream", "events": [piece.decode() for piece in pieces], **more}


def _content() -> list[Case]:
    cases = []
    for name, chunks in CONTENT.items():
        ident, words = name[:2].upper(), name[3:]
        script = streams(wire(chunks))
        cases.append(Case(ident, words, asked=CHUNKS, script=script, read="stream"))
        called, error = "chat.completions.stream", RAISED.get(name)
        cases.append(Case(ident, f"{words}, put together", called, CHAT, script, "final", error=error))
    with_usage = {**CHUNKS, "stream_options": {"include_usage": True}}
    without = {**CHUNKS, "stream_options": {"include_obfuscation": False}}
    cases.append(Case("C5", "another option", asked=without, script=streams(wire(HELLO)), read="stream"))
    last = f"chunks.{len(HELLO)}"
    held = {f"{last}.choices": [], f"{last}.usage.total_tokens": 11, "chunks.0.usage": None}
    usage = wire([*({**made, "usage": None} for made in HELLO), {**HELLO[0], "choices": [], "usage": {
        "prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}}])  # fmt: skip
    cases.append(Case("C5", "usage as asked", asked=with_usage, script=streams(usage), read="stream", holds=held))
    return cases


def _framings() -> list[Case]:
    return [
        Case("C9", name, asked=CHUNKS, script=streams(pieces), read="stream", error=RAISED.get(name))
        for name, pieces in FRAMINGS.items()
        if name not in NOT_READ
    ]


def _failures() -> list[Case]:
    body = json.dumps({"error": ERROR})
    failing = {"kind": "bytes", "status": 503, "body": body, "headers": {"content-type": "application/json"}}
    within = streams([*wire(HELLO)[:2], event({"error": ERROR})])
    named = streams([*wire(HELLO)[:2], b"event: error\n" + event({"error": ERROR})])
    ends = {"asked": CHUNKS, "read": "stream"}
    return [
        Case("C10", "a status before the first chunk", script=failing, error="InternalServerError", **ends),
        Case("C11", "an error within", script=within, error="APIError", holds={"code": "busy"}, **ends),
        Case("C11", "an error within, named", script=named, error="APIError", holds={"code": "busy"}, **ends),
    ]


def _responses() -> list[Case]:
    cases = []
    for name, script in STREAMS.items():
        spoken = {"kind": "stream", **script}
        ends = "RuntimeError" if name in TERMINAL else None
        asked = {**RESPONSE, "stream": True}
        cases.append(Case("D2", name, "responses.create", asked, spoken, "stream"))
        cases.append(Case("D2", f"{name}, put together", "responses.stream", RESPONSE, spoken, "final", error=ends))
    asked = {**RESPONSE, "stream": True, "stream_options": {"include_obfuscation": False}}
    spoken = {"kind": "stream", **next(iter(STREAMS.values()))}
    cases.append(Case("D2", "an option of a stream", "responses.create", asked, spoken, "stream"))
    held = {"usage.input_tokens_details.cached_tokens": 2, "usage.output_tokens_details.reasoning_tokens": 1}
    cases.append(Case("D3", "usage in its parts", "responses.create", RESPONSE, {"kind": "json"}, holds=held))
    return cases


CASES = [*_content(), *_framings(), *_failures(), *_responses()]
