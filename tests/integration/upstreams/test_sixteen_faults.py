"""Of sixteen faults of a model's server, the gateway mends ten by default, twelve if adjusted, and with `hold` all.

`make test` divides the times by ten, those of the gateway's settings as well; `make release` takes the real ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.fixtures.gateway.failover import (
    ADJUSTED,
    ADJUSTED_CLIENT,
    ADJUSTED_HELD,
    CLIENT,
    DEFAULT,
    HELD,
    POLICY,
    Met,
    Servers,
    Verdict,
    Way,
    meet,
    meet_all,
    publish,
    servers,
)
from tests.fixtures.gateway.gateway_fixture import Rig
from tests.fixtures.upstream.faults import public_faults
from tests.fixtures.waiting import until

WAYS = (DEFAULT, CLIENT, HELD, ADJUSTED, ADJUSTED_CLIENT, ADJUSTED_HELD, POLICY)
PARTIAL = {"S03", "S07"}
"""By default another server answers after a 500, and a first token is waited for."""

SAFE = {"S08", "S09", "S10", "S14"}
"""Nothing is tried again once a byte was sent on."""

LEFT: dict[Way, dict[Verdict, set[str]]] = {
    DEFAULT: {"partial": PARTIAL, "safe": SAFE},
    CLIENT: {"partial": PARTIAL, "safe": SAFE},
    HELD: {"partial": PARTIAL},
    ADJUSTED: {"safe": SAFE},
    ADJUSTED_CLIENT: {"safe": SAFE},
    ADJUSTED_HELD: {},
    POLICY: {},
}
"""What does not pass."""


@pytest.fixture(name="faulty", params=[0.1, pytest.param(1.0, marks=pytest.mark.release("attacks"))])
def faulty_fixture(request: pytest.FixtureRequest) -> Iterator[Servers]:
    with servers(public_faults(request.param), request.param) as found:
        yield found


@pytest.mark.timeout(300)
def test_each_fault_is_mended_or_ends_safely(rig: Rig, faulty: Servers) -> None:
    publish(rig, faulty, [way for way in WAYS if way.through])
    met = meet_all(faulty, WAYS, rig)
    failed = [one for one in met if one.verdict == "fail"]
    assert failed == []
    left = {way: _left(way, met) for way in WAYS}
    assert left == LEFT, [one for one in met if one.verdict != "pass"]
    _expect_recorded(rig)


def _left(way: Way, met: list[Met]) -> dict[Verdict, set[str]]:
    verdicts: tuple[Verdict, ...] = ("partial", "safe")
    found = {
        verdict: {one.fault.number for one in met if one.way == way and one.verdict == verdict} for verdict in verdicts
    }
    return {verdict: numbers for verdict, numbers in found.items() if numbers}


def _expect_recorded(rig: Rig) -> None:
    """The usage of the server that answered is recorded for S16."""
    through = [way for way in WAYS if way.through]

    def counted() -> list[tuple[object, object]]:
        events = rig.events("request")
        return [(one["deployment"], one["tokens_out"]) for one in events if one["route"].endswith("/S16")]

    until(lambda: len(counted()) == len(through))
    assert counted() == [("backup", 4)] * len(through)


def test_a_server_that_stays_broken_is_tried_no_more_often_behind_the_default_client(rig: Rig) -> None:
    (fault,) = [fault for fault in public_faults() if fault.number == "S04"]
    with servers([fault], 1.0) as faulty:
        publish(rig, faulty, [CLIENT])
        faulty.backup.script = fault.answers[0]
        met = meet(faulty, CLIENT, fault, rig)
    assert isinstance(met.error, openai.InternalServerError)
    assert sum(met.calls) == 3
    assert met.error.response.headers["x-should-retry"] == "false"
