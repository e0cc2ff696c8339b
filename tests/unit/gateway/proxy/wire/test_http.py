"""Headers are found by lower-case name, decoded on access, and have the same bytes on both sides."""

from __future__ import annotations

import pytest

from gateway.proxy.wire import http
from gateway.proxy.wire.http import Headers, lower


def test_a_value_is_its_bytes_and_is_read_as_latin_1() -> None:
    found = Headers({"x-name": b"caf\xc3\xa9"})
    assert (found["x-name"], found.get("x-name"), found.text("x-name")) == ("caf\xc3\xa9",) * 3
    assert found.raw["x-name"] == found["x-name"].encode("latin-1")


def test_what_is_not_there_is_nothing() -> None:
    found = Headers({})
    assert (found.get("a"), found.get("a", "b"), found.text("a"), "a" in found, len(found)) == (None, "b", "", False, 0)


def test_texts_become_headers_with_a_mark_for_what_latin_1_lacks() -> None:
    assert dict(Headers.of({"X-A": "é", "x-b": "ж"})) == {"x-a": "é", "x-b": "?"}


def test_names_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "NAMES", {})
    monkeypatch.setattr(http, "KNOWN_NAMES", 8)
    for number in range(20):
        assert lower(b"X-%d" % number) == f"x-{number}"
    assert {b"X-%d" % number: f"x-{number}" for number in range(8)} == http.NAMES
