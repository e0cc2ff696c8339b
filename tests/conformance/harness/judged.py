"""One case with one client: whether what came through the gateway is what came straight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.cases.all import CASES
from tests.conformance.cases.case import Case
from tests.conformance.harness.differential import (
    CLIENTS,
    TRANSPORTS,
    Differential,
    comparable,
    same_answer,
    same_request,
)
from tests.conformance.harness.environments import NoEnvironment

Same = Callable[[Case, str], Any]


def each(*idents: str) -> pytest.MarkDecorator:
    """A test for every case of these ids, with every client."""
    chosen = [(case, client) for case in CASES if case.id in idents for client in CLIENTS]
    return pytest.mark.parametrize(
        ("case", "client"), chosen, ids=[f"{case.key_name}-{client}" for case, client in chosen]
    )


def each_once(*idents: str) -> pytest.MarkDecorator:
    """A test for every case of these ids whose answer is compared on the wire."""
    chosen = [case for case in CASES if case.id in idents and case.on_wire and not case.only_gateway]
    return pytest.mark.parametrize("case", chosen, ids=[case.key_name for case in chosen])


def judge(differential: Differential, case: Case, client: str) -> Any:
    """The result through the gateway; fails where it, or what the upstream saw, is not what it is straight."""
    try:
        through = differential.result(case, client, "gateway")
    except NoEnvironment as error:
        pytest.skip(str(error))
    if through.get("absent"):
        pytest.skip(f"{client} has no such parameter")
    assert through.get("raised") == case.error, through
    for place, wanted in case.holds.items():
        assert found_at(through, place) == wanted, (place, through)
    if case.only_gateway:
        assert through["request_id"], through
        return through
    straight = differential.result(case, client, "fake")
    assert comparable(through) == comparable(straight)
    before, after = (differential.requests(case, client, target) for target in ("fake", "gateway"))
    assert len(before) == len(after) and (not case.requests or len(after) == case.requests)
    for one, other in zip(before, after, strict=True):
        same_request(one, other)
    return through


def judge_wire(differential: Differential, case: Case) -> None:
    """The same of the answer's bytes and headers."""
    straight = differential.wired(case, "fake")
    for transport in TRANSPORTS.values():
        same_answer(straight, differential.wired(case, transport))


def found_at(result: Any, place: str) -> Any:
    """What is at ``a.b.0`` of a result."""
    for part in place.split("."):
        result = result[int(part)] if isinstance(result, list) else result.get(part)
    return result
