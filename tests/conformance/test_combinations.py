"""What `make test` leaves out of clients and protocols is never a pair of them, and never a case."""

from __future__ import annotations

from itertools import product

import pytest

from tests.conformance.cases.all import CASES
from tests.conformance.cases.case import Case
from tests.conformance.harness.combinations import CLIENTS, FULL, combinations, every, pairs

PROTOCOLS = tuple(dict.fromkeys(case.protocol for case in CASES))


def test_every_pair_of_client_and_protocol_runs() -> None:
    assert {(one.client, one.case.protocol) for one in pairs(CASES)} == set(product(CLIENTS, PROTOCOLS))


def test_every_case_runs_and_none_with_a_client_that_cannot_express_it() -> None:
    chosen = pairs(CASES)
    assert {one.case.key_name for one in chosen} == {case.key_name for case in CASES}
    assert not [one for one in chosen if one.case.newest_client_only and "openai2" in one.client]
    assert len(set(map(str, chosen))) == len(chosen)
    assert set(map(str, chosen)) <= set(map(str, every(CASES)))


@pytest.mark.parametrize("size", range(1, 10))
def test_a_protocol_of_any_size_meets_every_client(size: int) -> None:
    chosen = pairs([Case("X", f"case {number}") for number in range(size)])
    assert {one.client for one in chosen} == set(CLIENTS)


def test_the_environment_chooses_the_full_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FULL, raising=False)
    assert combinations() == pairs(CASES)
    monkeypatch.setenv(FULL, "1")
    assert len(combinations()) == len(CASES) * len(CLIENTS)
