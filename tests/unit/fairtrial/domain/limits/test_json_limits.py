"""What is counted of JSON before it is decoded: exactly its structure, and nothing of what its texts say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from fairtrial.domain.errors import BadRequest
from fairtrial.domain.limits.json_limits import (
    DECODED,
    FIELD,
    MESSAGE,
    RECORDED,
    UNCOUNTED,
    JsonLimits,
    excess,
    refuse_excess,
)
from gateway.proxy.wire.json_bodies import parse_body
from tests.fixtures.for_each import for_each

TEXTS = st.text(st.sampled_from(list('ab:{}[]",\\ é\n')), max_size=6)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def parts(value: Any) -> tuple[int, int, int]:
    """Names, objects and lists, texts and names."""
    if isinstance(value, str):
        return 0, 0, 1
    if not isinstance(value, dict | list):
        return 0, 0, 0
    inner = [parts(part) for part in (value.values() if isinstance(value, dict) else value)]
    own = len(value) if isinstance(value, dict) else 0
    names, nested, texts = (sum(column) for column in zip(*inner, strict=True)) if inner else (0, 0, 0)
    return names + own, nested + 1, texts + own


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=5), st.booleans(), st.sampled_from([None, 1]))
def test_structure_is_counted_exactly(value: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode() + b" " * UNCOUNTED  # short ones pass
    names, nested, texts = parts(value)
    just = JsonLimits(top=len(value), names=names, nested=nested, texts=texts)
    assert excess(body, just) is None
    for field in ("top", "names", "nested", "texts"):
        one_less = JsonLimits(**{name: getattr(just, name) - (name == field) for name in JsonLimits.__slots__})
        assert excess(body, one_less) is not None, field


def names_of(number: int) -> str:
    return ",".join(f'"{place:x}":1' for place in range(number))


@for_each(
    ("rest", "limit"),
    [
        (names_of(1_001), "1000 names at the top"),
        ('"x":{' + names_of(50_001) + "}", "50000 names"),
        ('"x":[' + "{}," * 50_000 + "0]", "50000 objects and lists"),
        ('"x":[' + "[]," * 50_000 + "0]", "50000 objects and lists"),
        ('"x":[' + '"",' * 200_001 + "0]", "200000 texts"),
    ],
)
def test_a_request_beyond_a_limit_is_refused_by_the_limit_s_name(rest: str, limit: str) -> None:
    with pytest.raises(BadRequest, match=f"body: has more than {limit}") as refused:
        parse_body(b'{"model":"m",' + rest.encode() + b"}")
    assert refused.value.code == "too_much_structure"


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
TOOL["function"]["parameters"]["properties"] = {  # type: ignore[index]
    f"p{number}": {"type": "string", "description": "d", "enum": ["a", "b"]} for number in range(60)
}
TALK = {"role": "user", "content": [{"type": "text", "text": 'He said: "{a: [1]}"'}]}


@for_each(
    "fields",
    [
        {"input": [[number % 50_000 for number in range(8192)]] * 256},
        {"input": ["a text"] * 2048},
        {"messages": [TALK] * 1000},
        {"messages": [{"role": "user", "content": 'He: "{a: [\\"1\\"]}",\n' * 500_000}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x" * 15_000_000}}]}]},
        {"messages": [TALK], "tools": [TOOL] * 128},
        {"messages": [TALK], "logit_bias": {str(token): -100 for token in range(900)}},
    ],
)
def test_large_requests_of_ordinary_structure_are_read(fields: dict[str, Any]) -> None:
    assert parse_body(json.dumps({"model": "m", **fields}).encode()).model == "m"


def test_no_limit_can_be_met_by_json_that_is_too_short_to_be_counted() -> None:
    for limits in (DECODED, FIELD, RECORDED, MESSAGE):
        assert 2 * min(limits.top, limits.names, limits.nested, limits.texts) >= UNCOUNTED


def test_what_is_no_json_is_left_to_the_decoder() -> None:
    for body in (b"", b"{", b'"' * 10_001, b"}" * 10_000, b"\\" * 10_001):
        refuse_excess(body, DECODED)
