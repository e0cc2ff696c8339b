"""Headers are found by lower-case name, decoded on access, and have the same bytes on both sides."""

from __future__ import annotations

import pytest

from gateway.proxy.wire import http
from gateway.proxy.wire.http import NAMES, Headers, Message, NameCache, send_whole


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
    monkeypatch.setattr(http, "KNOWN_NAMES", 8)
    names = NameCache[str, str](str.lower)
    numbered = [f"X-{number}" for number in range(20)]
    assert [names.find(name) for name in numbered] == [name.lower() for name in numbered]
    assert [name for name in numbered if names.get(name) is not None] == numbered[16:]
    assert names.find("X" * 100) == "x" * 100
    assert names.get("X" * 100) is None, "long names would fill the memory"
    assert NAMES.find(b"X-Caf\xc9") == NAMES.get(b"X-Caf\xc9") == "x-caf\xe9"


async def test_a_whole_response_is_two_messages_and_states_its_length() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await send_whole(send, 404, b"{}", headers=[(b"content-type", b"application/json")])
    head = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    assert sent == [
        {"type": "http.response.start", "status": 404, "headers": head},
        {"type": "http.response.body", "body": b"{}"},
    ]
