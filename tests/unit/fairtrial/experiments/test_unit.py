"""A unit is found only in the sources of its kind, and stored only as a pseudonym."""

from __future__ import annotations

from typing import Any

from fairtrial.domain.settings import UnitKind
from fairtrial.experiments.unit import find_unit, opening, pseudonym
from tests.fixtures.for_each import for_each

EVERYTHING: dict[str, Any] = {
    "safety_identifier": "safe",
    "user": "user",
    "metadata": {"user_id": "meta-user", "conversation_id": "meta-conversation"},
    "conversation": {"id": "conv"},
    "messages": [{"role": "user", "content": "hello"}],
}


def find(kind: UnitKind, body: dict[str, Any] | None = None, **headers: str) -> str | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return find_unit(kind, headers=named, body=body or {}, request_id="req-1")


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in EVERYTHING.items() if name not in names}


def test_a_user_is_found_in_its_sources_in_their_order() -> None:
    assert find("user", EVERYTHING, x_fairtrial_unit="header") == "header"
    assert find("user", EVERYTHING) == "safe"
    assert find("user", without("safety_identifier")) == "user"
    assert find("user", without("safety_identifier", "user")) == "meta-user"


def test_a_user_is_never_a_conversation() -> None:
    body = without("safety_identifier", "user") | {"metadata": {"conversation_id": "c"}}
    assert find("user", body) is None


def test_a_conversation_is_found_in_its_sources_in_their_order() -> None:
    assert find("conversation", EVERYTHING, x_fairtrial_unit="header") == "header"
    assert find("conversation", EVERYTHING) == "conv"
    assert find("conversation", EVERYTHING | {"conversation": "plain"}) == "plain"
    assert find("conversation", without("conversation")) == "meta-conversation"
    assert find("conversation", without("conversation", "metadata")) == opening(EVERYTHING["messages"])


def test_a_conversation_is_never_a_user() -> None:
    assert find("conversation", {"user": "u", "safety_identifier": "s", "metadata": {"user_id": "m"}}) is None


def test_a_request_is_its_id_whatever_else_is_sent() -> None:
    assert find("request", EVERYTHING, x_fairtrial_unit="header") == "req-1"


def test_later_turns_keep_the_opening_and_other_openings_differ() -> None:
    system = {"role": "system", "content": "be kind"}
    first = {"role": "user", "content": "hello"}
    more = [{"role": "assistant", "content": "hi"}, {"role": "user", "content": "bye"}]
    assert opening([system, first]) == opening([system, first, *more]) != opening([first])


def test_the_order_of_fields_in_a_message_does_not_move_a_conversation() -> None:
    assert opening([{"role": "user", "content": "é"}]) == opening([{"content": "é", "role": "user"}])


def test_the_opening_is_the_documented_hash() -> None:
    # printf '[{"content":"hello","role":"user"}]' | sha256sum
    digest = "d98167dd28f22e330824942ba4d4ce217c2411a0d1141d60b40fe4cb8dc0d232"
    assert opening([{"role": "user", "content": "hello"}]) == f"opening:{digest}"


@for_each("messages", [None, "text", [], [{"role": "system", "content": "x"}], ["odd"]])
def test_without_a_message_of_the_user_the_opening_is_empty(messages: Any) -> None:
    assert opening(messages) is None


@for_each("empty", ["", "  ", None, True, 1.5, ["x"], {"id": "x"}])
def test_invalid_names_are_ignored(empty: Any) -> None:
    assert find("user", {"safety_identifier": empty, "user": "next"}) == "next"
    assert find("user", {"user": empty, "metadata": empty}) is None


def test_a_whole_number_is_a_name() -> None:
    assert find("user", {"user": 42}) == find("user", {"user": "42"}) == "42"


def test_a_name_in_a_header_is_the_same_unit_as_in_a_body() -> None:
    as_servers_give_it = "Zoë".encode().decode("latin-1")
    assert find("user", x_fairtrial_unit=as_servers_give_it) == find("user", {"user": "Zoë"})
    assert find("user", x_fairtrial_unit="Zoë") == "Zoë"


def test_a_lone_surrogate_is_a_unit_like_any_other() -> None:
    assert pseudonym("pepper", find("user", {"user": "\ud800"}) or "") != pseudonym("pepper", "other")


def test_a_pseudonym_depends_on_the_pepper_and_hides_the_unit() -> None:
    first, second = pseudonym("a", "alice"), pseudonym("b", "alice")
    assert first != second and len(first) == 32 and "alice" not in first
    assert first == pseudonym("a", "alice")
