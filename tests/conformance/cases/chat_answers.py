"""B, answers: what an upstream may put into a chat completion, however odd."""

from __future__ import annotations

from typing import Any

from tests.conformance.cases.case import Case, chat, said

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
CUSTOM = {"id": "call_2", "type": "custom", "custom": {"name": "c", "input": "free  text"}}
ODD_ARGUMENTS = {
    "white space": '{ "a" :  1.0,\n\t"b":[ ] }',
    "escapes": '{"\\u00e9": "\\ud83d\\ude00 \\/"}',
    "invalid JSON": '{"a": 1, "b": ',
    "nothing": "",
}
TOKEN = {"token": "é", "logprob": -0.0000001, "bytes": [195, 169]}
LOGPROBS = {"content": [{**TOKEN, "top_logprobs": [TOKEN, {**TOKEN, "bytes": None}]}], "refusal": [{**TOKEN,
            "top_logprobs": []}]}  # fmt: skip
UNKNOWN: dict[str, Any] = {
    "service_tier": "flex", "system_fingerprint": "fp_1", "moderation": {"flagged": False}, "metadata": {"a": "b"},
    "obfuscation": "xxxx", "x_vendor": {"deep": [{"er": None}, 1.0, 10**30, True]},
    "usage": {
        "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10, "x_cost": 0.10,
        "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0, "x_new": 1},
        "completion_tokens_details": {"reasoning_tokens": 2, "accepted_prediction_tokens": 0},
    },
    **said({"content": "Hi", "reasoning_content": "so…", "annotations": [{"type": "url_citation", "url_citation":
            {"start_index": 0, "end_index": 1, "title": "é", "url": "https://e.example/?a=b&c"}}]}),
}  # fmt: skip
EXACT = (
    '{ "id":"c1" ,"object":"chat.completion","created":1700000000.0,"model":"m",\n "choices":[{"index":0,"message":'
    '{"role":"assistant","content":"x","refusal":null},"finish_reason":"stop","logprobs":null}],"big":'
    '123456789012345678901234567890,"float":1e-7,"tiny":1.0,"exp":1E+2,"minus":-0.0,"dup":1,"dup":2,"esc":"\\u0041\\/"}'
)


def exact(body: str, **more: Any) -> dict[str, Any]:
    """A script that sends this very text."""
    return {"kind": "bytes", "body": body, **more}


def _fields() -> list[Case]:
    nulls = said({"content": None, "refusal": None, "tool_calls": None, "audio": None}, logprobs=None)
    return [
        chat("B1", "unknown fields at every depth", UNKNOWN, holds={"x_vendor.deep.2": 10**30}),
        chat("B1", "null is not absent", {**nulls, "system_fingerprint": None, "usage": None}),
        chat("B1", "bytes as they came", script=exact(EXACT), read="raw", holds={"text": EXACT}),
        chat("B1", "an answer that is a list", script=exact("[1, 2]"), read="raw", holds={"text": "[1, 2]"}),
        chat("B1", "another success than 200", script={"kind": "json", "status": 201}, read="raw",
             holds={"status": 201}),
    ]  # fmt: skip


def _choices() -> list[Case]:
    ends = ("stop", "length", "tool_calls", "content_filter", "function_call")
    three = [{"index": n, "message": {"role": "assistant", "content": f"{n}"}, "finish_reason": ends[n]}
             for n in range(3)]  # fmt: skip
    chosen = {"logprobs": True, "top_logprobs": 2}
    return [
        chat("B3", "three choices", {"choices": three}, ask={"n": 3}, holds={"choices.2.finish_reason": "tool_calls"}),
        chat("B4", "logprobs", said({"content": "é"}, logprobs=LOGPROBS), ask=chosen,
             holds={"choices.0.logprobs.content.0.bytes": [195, 169]}),
        *(chat("B5", end, said({"content": "x"}, finish=end), holds={"choices.0.finish_reason": end}) for end in ends),
        chat("B5", "one that is not known yet", said({"content": "x"}, finish="paused")),
        chat("B6", "refusal", said({"content": None, "refusal": "No."}), holds={"choices.0.message.refusal": "No."}),
    ]  # fmt: skip


def _tools() -> list[Case]:
    def calls(*made: dict[str, Any]) -> dict[str, Any]:
        return said({"content": None, "tool_calls": list(made)}, finish="tool_calls")

    where = "choices.0.message.tool_calls.0.function.arguments"
    cases = [
        chat("B9", f"arguments of {name}",
             calls({**CALL, "function": {"name": "f", "arguments": text}}), holds={where: text})
        for name, text in ODD_ARGUMENTS.items()
    ]  # fmt: skip
    parallel = calls(CALL, {**CALL, "id": "call_3"}, CUSTOM)
    old = said({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, finish="function_call")
    return [*cases, chat("B9", "parallel calls, one of them custom", parallel), chat("B9", "a function call", old)]


def _parsed() -> list[Case]:
    def parse(name: str, text: str, finish: str = "stop", **more: Any) -> Case:
        call = "chat.completions.parse"
        asked = {"response_format": "Answer"}
        answer = said({"content": text}, finish=finish)
        return chat("B10", name, answer, call=call, read="parse", ask=asked, **more)

    return [
        parse("parsed", '{"number": 3, "words": ["é"]}', holds={"choices.0.message.parsed.number": 3}),
        parse("cut off", '{"number"', "length", error="LengthFinishReasonError"),
        parse("filtered", "", "content_filter", error="ContentFilterFinishReasonError"),
    ]


def _strange() -> list[Case]:
    def text(words: str) -> str:
        return ('{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":'
                f'"assistant","content":"{words}"' '},"finish_reason":"stop"}]}')  # fmt: skip

    strange = {
        "emoji": "👩‍🚀 🇪🇺", "right to left": "שלום \u202e", "NUL": "a\\u0000b", "a lone surrogate": "\\ud83d",
        "line separators": "\u2028\u2029",
    }  # fmt: skip
    cases = [chat("B13", f"answer with {name}", script=exact(text(words))) for name, words in strange.items()]
    for size, name in ((1, "one byte a segment"), (3, "four bytes in two segments")):
        split = exact(text("👩‍🚀é"), framing="chunked", pieces=size)
        cases.append(chat("B13", name, script=split, holds={"choices.0.message.content": "👩‍🚀é"}))
    return cases


def _audio() -> list[Case]:
    sound = {"id": "audio_1", "data": "UklGRg==", "expires_at": 1, "transcript": "Hi"}
    return [chat("B12", "audio as answer", said({"content": None, "audio": sound}))]


def _wire() -> list[Case]:
    framings = {
        "chunked": {"framing": "chunked", "pieces": 100}, "until the end of the connection": {"framing": "close"},
        "charset": {"headers": {"Content-Type": "application/json; charset=utf-8"}},
        "headers of its own": {"headers": {"content-type": "application/json", "openai-processing-ms": "12",
                               "openai-version": "2020-10-01", "x-vendor": "kept", "openai-organization": "org"}},
        "a cache control of its own": {"headers": {"content-type": "application/json", "cache-control": "private"}},
    }  # fmt: skip
    reads = (("with_raw_response", "raw"), ("with_streaming_response", "streaming"))
    return [
        *(chat("B15", name, read=how) for name, how in reads),  # type: ignore[arg-type]
        *(chat("B15", name, script=exact(EXACT, **more), read="raw") for name, more in framings.items()),
        chat("B16", "the model as the upstream calls it", holds={"model": "fake-2026-01-01"}),
        chat("B16", "the model as the upstream calls it, in a stream", ask={"stream": True}, read="stream",
             holds={"chunks.0.model": "fake-2026-01-01"}),
    ]  # fmt: skip


CASES = [*_fields(), *_choices(), *_tools(), *_parsed(), *_strange(), *_audio(), *_wire()]
