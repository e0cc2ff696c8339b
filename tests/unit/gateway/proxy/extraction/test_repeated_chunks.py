"""Chunks that differ only in their text give the same answer as parsing each of them would."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.extraction.repeated_chunks import TRIES, RepeatedChunkMatcher
from gateway.proxy.extraction.stream_accumulator import StreamAccumulator
from tests.fixtures.for_each import for_each

TEXTS = st.lists(
    st.text(max_size=6) | st.sampled_from(['"', "\\", '"}', '\\"', "\n", 'x"},"y":{"content":"', ""]), max_size=9
)


def chunk(text: str, *, index: int = 0, ascii_only: bool = False, spaced: bool = False, **more: Any) -> bytes:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": None}
    separators = (", ", ": ") if spaced else (",", ":")
    whole = {"id": "c", "model": "m", "object": "chat.completion.chunk", "choices": [choice], **more}
    return json.dumps(whole, ensure_ascii=ascii_only, separators=separators).encode()


@given(TEXTS, st.booleans(), st.booleans())
def test_what_is_put_together_is_what_was_said(texts: list[str], ascii_only: bool, spaced: bool) -> None:
    kept = StreamAccumulator(responses=False)
    for text in texts:
        kept.add(b"data: " + chunk(text, ascii_only=ascii_only, spaced=spaced) + b"\n\n")
    answer = json.loads(kept.answer() or b'{"choices": [{"message": {"content": ""}}]}')
    assert answer["choices"][0]["message"]["content"] == "".join(texts)
    assert kept.metadata().response_id == ("c" if texts else None)


@given(st.lists(st.tuples(st.integers(0, 2), st.text("ab", min_size=1, max_size=3)), max_size=12))
def test_choices_are_told_apart(said: list[tuple[int, str]]) -> None:
    kept = StreamAccumulator(responses=False)
    for index, text in said:
        kept.add(b"data: " + chunk(text, index=index) + b"\n\n")
    found = json.loads(kept.answer() or b'{"choices": []}')["choices"]
    wanted = {index: "".join(text for at, text in said if at == index) for index, _ in said}
    assert {one["index"]: one["message"]["content"] for one in found} == wanted


def test_a_text_is_taken_only_where_all_around_it_is_the_same() -> None:
    alike = RepeatedChunkMatcher()
    alike.learn(chunk("one"))
    assert (alike.text(chunk("two")), alike.text(chunk(""))) == (b"two", b"")
    for other in (chunk('a "b"'), chunk("a\\b"), chunk("x", index=1), chunk("x", usage={}), b"{}", chunk("x")[:-1]):
        assert alike.text(other) is None


@for_each(
    "odd",
    [
        b"[]",
        b"nothing",
        b'{"choices":[{"index":0,"delta":{"content":5}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"x","role":"assistant"}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"x"}}],"usage":{"prompt_tokens":1}}',
        b'{"content":"x","choices":[{"index":0,"delta":{"content":"x"}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"x"}},{"index":1,"delta":{"content":"x"}}]}',
    ],
)
def test_nothing_is_learned_from_a_chunk_of_another_kind(odd: bytes) -> None:
    alike = RepeatedChunkMatcher()
    alike.learn(odd)
    assert alike.text(odd) is None


def test_a_stream_whose_chunks_all_differ_is_not_looked_at_any_longer() -> None:
    alike = RepeatedChunkMatcher()
    for number in range(TRIES):
        alike.learn(chunk("x", obfuscation=str(number)))
    alike.learn(chunk("x", obfuscation="last"))
    assert alike.text(chunk("y", obfuscation="last")) is None
