"""Decides for one case with one client whether what came through the gateway equals what came straight."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cases.case import Case
from tests.conformance.harness.combinations import Combination, combinations
from tests.conformance.harness.differential import (
    GATEWAY,
    STRAIGHT,
    Differential,
    comparable,
    same_answer,
    same_request,
)
from tests.fixtures.locked_environment import NoEnvironment


def each(*idents: str) -> pytest.MarkDecorator:
    """A test for every case of these ids, with the clients that `combinations` chooses."""
    chosen = [one for one in combinations() if one.case.id in idents]
    return pytest.mark.parametrize("chosen", chosen, ids=str)


def each_of(case: Case) -> pytest.MarkDecorator:
    """A test of this case with every client that `combinations` chooses."""
    return pytest.mark.parametrize("chosen", [one for one in combinations() if one.case == case], ids=str)


def each_once(*idents: str) -> pytest.MarkDecorator:
    """A test for every case of these ids whose answer is compared on the wire, with one client's request."""
    chosen: dict[str, Combination] = {}
    for one in combinations():
        if one.case.id in idents and one.case.on_wire and not one.case.only_gateway:
            chosen.setdefault(one.case.key_name, one)
    return pytest.mark.parametrize("chosen", chosen.values(), ids=str)


def judge(differential: Differential, chosen: Combination) -> Any:
    """The result through the gateway; fails where it, or what the upstream saw, is not what it is straight."""
    case, client = chosen
    try:
        through = differential.result(case, client, GATEWAY)
    except NoEnvironment as error:
        pytest.skip(str(error))
    if through.get("absent") and case.newest_client_only:
        pytest.skip(f"{client} has no such parameter")
    assert through.get("raised") == case.error, through
    for place, wanted in case.holds.items():
        assert found_at(through, place) == wanted, (place, through)
    if case.only_gateway:
        assert through["request_id"], through
        return through
    straight = differential.result(case, client, STRAIGHT)
    assert comparable(through) == comparable(straight)
    before, after = (differential.requests(case, client, target) for target in (STRAIGHT, GATEWAY))
    assert len(before) == len(after) and (not case.requests or len(after) == case.requests)
    for one, other in zip(before, after, strict=True):
        same_request(one, other)
    return through


def judge_wire(differential: Differential, chosen: Combination) -> None:
    """The same of the answer's bytes and headers."""
    case, client = chosen
    try:
        straight = differential.wired(case, client, STRAIGHT)
    except NoEnvironment as error:
        pytest.skip(str(error))
    same_answer(straight, differential.wired(case, client, GATEWAY))


def found_at(result: Any, place: str) -> Any:
    """What is at ``a.b.0`` of a result."""
    for part in place.split("."):
        result = result[int(part)] if isinstance(result, list) else result.get(part)
    return result
