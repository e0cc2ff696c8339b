"""A digest covers only values whose text is always the same, and refuses all others."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.plan import hashes
from fairtrial.domain.errors import DigestRefused, FairtrialError
from fairtrial.domain.limits.canonical_json import canonical_json, sha256_of_json


class Color(StrEnum):
    RED = "red"


UNKNOWN: dict[str, Any] = {
    "a set": {"b", "a"},
    "bytes": b"secret",
    "a time": datetime(2027, 1, 15, tzinfo=UTC),
    "an enum": Color.RED,
    "a path": Path("x"),
    "an object": object(),
    "a key that is not text": {1: 2},
}


def accepted(digest: Any) -> list[str]:
    """The values of unknown types that a digest function accepts, alone or within others."""
    values = []
    for name, value in UNKNOWN.items():
        for place, whole in (("alone", value), ("in a list", [1, (value,)]), ("in a mapping", {"a": {"b": value}})):
            try:
                digest(whole)
            except DigestRefused:
                continue
            values.append(f"{name} {place}")
    return values


@pytest.mark.parametrize("digest", [sha256_of_json, canonical_json, hashes.digest, hashes.plain])
def test_a_value_of_an_unknown_type_is_refused_wherever_it_is(digest: Any) -> None:
    assert accepted(digest) == []


def test_the_error_says_where_and_which_type_without_the_value() -> None:
    with pytest.raises(
        FairtrialError, match=r"^digest: experiments\.a\[1\]: bytes has no canonical JSON \(known: "
    ) as caught:
        sha256_of_json({"experiments": {"a": [1, b"secret"]}})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("number", [nan, inf, -inf, Decimal("NaN")])
def test_a_plan_has_no_number_that_would_be_written_as_null(number: Any) -> None:
    with pytest.raises(DigestRefused, match=r"digest: a\.b: "):
        hashes.digest({"a": {"b": number}})


def test_decimals_are_known_to_plans_alone() -> None:
    assert hashes.plain({"price": Decimal("0.20")}) == {"price": "0.20"}
    with pytest.raises(DigestRefused, match="Decimal"):
        canonical_json(Decimal("0.20"))


def test_the_order_of_keys_does_not_change_the_digest() -> None:
    assert canonical_json({"b": [1, 2.5, None], "a": ("é", True)}) == '{"a": ["\\u00e9", true], "b": [1, 2.5, null]}'
    assert canonical_json({"b": 1, "a": "é"}, ascii_only=False) == '{"a": "é", "b": 1}'
    assert sha256_of_json({"b": 1, "a": 2}) == sha256_of_json({"a": 2, "b": 1})
