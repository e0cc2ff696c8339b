"""Bodies are refused for their structure with the same words, whether it is counted before or after decoding."""

from __future__ import annotations

import msgspec
import pytest

from fairtrial.domain.errors import BadRequest
from fairtrial.domain.limits.json_limits import DECODED, UNCOUNTED_TOP, JsonLimits, excess
from gateway.proxy.wire.json_bodies import parse_body

DEPTH = 900
"""msgspec decodes no deeper than some thousand."""


def padded(parts: list[bytes], begin: bytes, end: bytes) -> bytes:
    """As many parts as fit into a body whose structure is not counted before it is decoded."""
    room = UNCOUNTED_TOP - 1 - len(begin) - len(end)
    count = 0
    for part in parts:
        room -= len(part) + 1
        if room < 0:
            break
        count += 1
    return begin + b",".join(parts[:count]) + end


SMALLEST = {
    "lists": padded([b"[]"] * 50_000, b'{"model":"m","a":' + b"[" * DEPTH, b"]" * (DEPTH) + b"}"),
    "objects": padded([b"{}"] * 50_000, b'{"model":"m","a":[', b"]}"),
    "texts": padded([b'""'] * 50_000, b'{"model":"m","a":[', b"]}"),
    "names": padded([b'"":0'] * 50_000, b'{"model":"m","a":{', b"}}"),
}


@pytest.mark.parametrize("kind", SMALLEST)
def test_a_body_whose_structure_is_not_counted_first_exceeds_only_the_names_at_the_top(kind: str) -> None:
    body, anything = SMALLEST[kind], 10**9
    assert UNCOUNTED_TOP - 8 < len(body) < UNCOUNTED_TOP
    assert excess(body, JsonLimits(anything, DECODED.names, DECODED.nested, DECODED.texts)) is None
    assert parse_body(body).model == "m"


@pytest.mark.parametrize("size", [UNCOUNTED_TOP // 2, UNCOUNTED_TOP * 2])
@pytest.mark.parametrize("value", [b"0", b"NaN"])  # with NaN, Python's decoder reads the body
def test_many_names_at_the_top_are_refused_in_bodies_of_any_size(size: int, value: bytes) -> None:
    names = b",".join(b'"%d":%b' % (number, value) for number in range(DECODED.top))
    body = b'{"model":"' + b"m" * size + b'",' + names + b"}"
    with pytest.raises(BadRequest) as refused:
        parse_body(body)
    assert refused.value.code == "too_much_structure"
    assert str(refused.value) == f"body: has more than {DECODED.top} names at the top"


def test_a_body_with_the_most_names_at_the_top_is_read() -> None:
    names = {str(number): number for number in range(DECODED.top - 1)}
    assert len(parse_body(msgspec.json.encode({"model": "m", **names})).fields) == DECODED.top
