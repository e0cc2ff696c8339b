"""A body that passes the cheap check would also have been left unchanged by the redaction, to the byte."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.proxy.admission.cooperative_work import at_once
from gateway.proxy.recording.redaction import json_steps, redact_json, redact_text
from gateway.proxy.recording.redaction_prefilter import json_may_contain_pii

PIECES = st.sampled_from(
    [
        "a@b.example",
        "sk-" + "a" * 20,
        "ghp_" + "b" * 24,
        "AKIA" + "C" * 16,
        "Bearer " + "d" * 20,
        "4111 1111 1111 1111",
        "+49 30 1234567",
        "٤١١١١١١١١١١١١١١١",
        "10.0.0.17",
        "fe80::1",
        '"a":1234567890',
        '":1234567890,',
        'x\\":4111111111111111',
        "1234567890",
        ":",
        "\n",
        "/",
        "\u0000",
        "é",
        "word",
        " ",
    ]
)
TEXTS = st.lists(PIECES, max_size=4).map("".join)
NUMBERS = (
    st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.just(4_111_111_111_111_111)
)
VALUES = st.recursive(
    TEXTS | NUMBERS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(VALUES)
def test_the_look_at_a_whole_body_misses_nothing_that_a_close_one_finds(value: Any) -> None:
    body = msgspec.json.encode(value)
    assert redact_json(body) == at_once(json_steps(body))


@settings(max_examples=400, deadline=None)
@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_nor_does_it_in_json_that_another_wrote(value: Any, indent: int | None, ascii_only: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert redact_json(body) == at_once(json_steps(body))


@settings(max_examples=200, deadline=None)
@given(st.text("sk-@eyJ:0123456789./ bearer", min_size=8), st.randoms())
def test_an_escape_hides_nothing(text: str, random: Any) -> None:
    escaped = "".join(
        f"\\u{ord(one):04x}" if random.random() < 0.2 else one.replace("/", random.choice(["/", "\\/"])) for one in text
    )
    body = f'{{"a": "{escaped}"}}'.encode()
    assert json.loads(redact_json(body)) == {"a": redact_text(text)}


@pytest.mark.parametrize(
    "body",
    [
        b'{"created":1732490000,"usage":{"total_tokens":1234567},"logprob":-0.00012345678}',
        b'{"content":"Plain words, well-known ones: at 10 past 12 (or 13).","x_count":[1,2,3]}',
    ],
)
def test_numbers_of_an_ordinary_answer_are_no_reason_for_a_walk(body: bytes) -> None:
    assert not json_may_contain_pii(body)
    assert not json_may_contain_pii(json.dumps(json.loads(body), indent=2).encode())


@pytest.mark.parametrize(
    "body", [b'[":1234567890"]', b'{"a":4111111111111111}', b'{"a":[1234567890]}', b'"1234567890"']
)
def test_digits_that_are_not_surely_a_short_number_of_a_field_are(body: bytes) -> None:
    assert json_may_contain_pii(body)
