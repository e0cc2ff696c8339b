"""A unit has the same target whether it is looked up by its name or by the bytes that a request sent for it."""

from __future__ import annotations

import json
from typing import Any

from fairtrial.domain.plan import Published
from gateway.proxy.plan.routing_table import ANYONE, RouteTarget, Routing, prepare
from gateway.proxy.routing.resolve import resolve
from gateway.proxy.wire.http import Headers
from gateway.proxy.wire.json_bodies import parse_body
from tests.fixtures.for_each import for_each
from tests.fixtures.gateway.gateway_fixture import plan_for

UNIT = "x-fairtrial-unit"


def fresh() -> Routing:
    return prepare(Published(plan_for("http://127.0.0.1:9/v1"), "keys", (), "pepper"), {})


def target_of(routing: Routing, header: str = "", **fields: Any) -> RouteTarget:
    body = parse_body(json.dumps({"model": "bot", **fields}).encode())
    headers = Headers({UNIT: header.encode()} if header else {})
    return resolve(routing, ANYONE, body, headers, "request-1")


def test_a_user_is_placed_once_and_found_by_each_spelling() -> None:
    routing = fresh()
    first = target_of(routing, user="anna")
    assert first.unit is not None
    for again in (target_of(routing, user="anna"), target_of(routing, user=" anna "), target_of(routing, "anna")):
        assert again is first
    assert target_of(routing, user="\u0061nna", safety_identifier="anna") is first
    assert target_of(routing, user=7).unit == target_of(routing, user="7").unit != first.unit


@for_each(
    "other",
    [
        {"header": "berta", "user": "anna"},
        {"user": "anna", "safety_identifier": "berta"},
        {"user": "", "metadata": {"user_id": "berta"}},
        {"user": None, "metadata": {"user_id": "berta"}},
    ],
)
def test_what_takes_precedence_still_does_after_a_user_was_placed(other: dict[str, Any]) -> None:
    routing = fresh()
    units = [target_of(routing, user=name).unit for name in ("anna", "berta", "", None)]
    assert units[2:] == [None, None]
    assert target_of(routing, **other).unit == units[1]
