"""A key that was recognised once is looked up by its header, and is refused as soon as it is no longer valid."""

from __future__ import annotations

from typing import Any

import pytest

from fairtrial.domain.errors import NotAuthenticated
from fairtrial.domain.plan import Key, Published
from gateway.proxy.admission.trusted_proxies import TrustedProxies
from gateway.proxy.plan.routing_table import Routing, prepare
from gateway.proxy.routing.authentication import REMEMBERED, authenticate
from gateway.proxy.wire.http import Headers
from tests.fixtures.for_each import for_each
from tests.fixtures.gateway.gateway_fixture import key, plan_for

NOBODY: Any = None


def routing_with(*keys: Key) -> Routing:
    return prepare(Published(plan_for("http://127.0.0.1:9/v1"), "keys", keys, "pepper"), {})


def key_id(routing: Routing, authorization: bytes, *, now_us: int = 5) -> str | None:
    headers = Headers({"authorization": authorization} if authorization else {})
    return authenticate(routing, headers, NOBODY, proxies=TrustedProxies(()), now_us=now_us).key_id


def test_a_key_is_the_same_each_time_however_its_header_is_written() -> None:
    routing = routing_with(key("ft-one", "complete"), key("ft-two", "complete"))
    for _ in range(2):
        assert key_id(routing, b"Bearer ft-one") == key_id(routing, b"bearer  ft-one ") == "id-one"
        assert key_id(routing, b"Bearer ft-two") == "id-two"


@for_each("wrong", [b"", b"ft-one", b"Bearer ft-on", b"Bearer ft-one2", b"Basic ft-one", b"Bearer "])
def test_a_wrong_key_is_refused_each_time_and_not_remembered(wrong: bytes) -> None:
    routing = routing_with(key("ft-one", "complete"))
    assert key_id(routing, b"Bearer ft-one") == "id-one"
    for _ in range(2):
        with pytest.raises(NotAuthenticated):
            key_id(routing, wrong)
    assert [*routing.recognised] == [b"Bearer ft-one"]


def test_a_remembered_key_expires_and_is_unknown_to_the_next_plan() -> None:
    routing = routing_with(key("ft-one", "complete", expires_us=10))
    assert key_id(routing, b"Bearer ft-one", now_us=9) == "id-one"
    with pytest.raises(NotAuthenticated):
        key_id(routing, b"Bearer ft-one", now_us=10)
    with pytest.raises(NotAuthenticated):
        key_id(routing_with(key("ft-two", "complete")), b"Bearer ft-one")


def test_spellings_of_a_key_do_not_fill_the_memory() -> None:
    routing = routing_with(key("ft-one", "complete"))
    for number in range(REMEMBERED + 1):
        before, after = divmod(number, 100)
        key_id(routing, b"Bearer " + b" " * before + b"ft-one" + b" " * after)
    assert len(routing.recognised) == 1


def test_a_header_of_many_spaces_is_known_but_not_remembered() -> None:
    routing = routing_with(key("ft-one", "complete"))
    assert key_id(routing, b"Bearer " + b" " * 200_000 + b"ft-one") == "id-one"
    assert not routing.recognised
