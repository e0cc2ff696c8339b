"""Headers are found by lower-case name, decoded on access, and have the same bytes on both sides."""

from __future__ import annotations

import pytest

from gateway.proxy.wire import http
from gateway.proxy.wire.http import Headers, lower


def test_a_value_is_its_bytes_and_is_read_as_latin_1() -> None:
    headers = Headers({"x-name": b"caf\xc3\xa9"})
    assert (headers["x-name"], headers.get("x-name"), headers.text("x-name")) == ("caf\xc3\xa9",) * 3
    assert headers.raw["x-name"] == headers["x-name"].encode("latin-1")


def test_what_is_not_there_is_nothing() -> None:
    headers = Headers({})
    assert (headers.get("a"), headers.get("a", "b"), headers.text("a"), "a" in headers, len(headers)) == (
        None,
        "b",
        "",
        False,
        0,
    )


def test_texts_become_headers_with_a_mark_for_what_latin_1_lacks() -> None:
    assert dict(Headers.of({"X-A": "é", "x-b": "ж"})) == {"x-a": "é", "x-b": "?"}


def test_names_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "NAMES", {})
    monkeypatch.setattr(http, "KNOWN_NAMES", 8)
    for number in range(20):
        assert lower(b"X-%d" % number) == f"x-{number}"
    assert {b"X-%d" % number: f"x-{number}" for number in range(8)} == http.NAMES
