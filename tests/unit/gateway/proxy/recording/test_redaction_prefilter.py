"""A body that passes the search for signs would also have been left unchanged by the redaction, to the byte."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from gateway.proxy.admission.cooperative_work import at_once
from gateway.proxy.recording.redaction import json_steps, needs_json_steps, redact_json, redact_text

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
        f"\\u{ord(character):04x}" if random.random() < 0.2 else character.replace("/", random.choice(["/", "\\/"]))
        for character in text
    )
    body = f'{{"a": "{escaped}"}}'.encode()
    assert json.loads(redact_json(body)) == {"a": redact_text(text)}


@pytest.mark.parametrize(
    "body",
    [
        b'{"created":1732490000,"usage":{"total_tokens":1234567},"logprob":-0.00012345678,"p":0.1234567890123456}',
        b'{"content":"Plain words, well-known ones: at 10 past 12 (or 13).","x_count":[1,2,3]}',
        b'{"content":"On 2026-11-29 at 13:45:10.123Z, 2026-01-02T03:04:05+00:00 or 03.04.2026\\n"}',
        b'{"id":"3f2b8a10-12ab-4cde-9f01-123456789012","of":"76c0e12312345678aa00bb11cc22dd33","n":[12345678901]}',
    ],
)
def test_numbers_dates_and_ids_of_an_ordinary_body_are_no_reason_for_a_search(body: bytes) -> None:
    assert not needs_json_steps(body)
    assert not needs_json_steps(json.dumps(json.loads(body), indent=2).encode())
    assert not needs_json_steps(body, body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":4111111111111111}',
        b'["2026-11-29 2026-11-30"]',
        b'["12345678-1234-4123-9123-123456789012"]',
        b'["on 2026-11-29, 0301-12345678"]',
        b'["at 1:2:3:4:5:6:7:8"]',
        b'["\\u0061@b.io"]',
    ],
)
def test_digits_that_may_be_of_a_person_are_whatever_they_look_like(body: bytes) -> None:
    assert needs_json_steps(body)
    assert needs_json_steps(b"{}", body)
