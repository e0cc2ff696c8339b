"""Of sixteen faults of a model's server, users of the gateway notice four, and with held answers none."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from fairtrial.domain.settings import Timeouts
from tests.fixtures.gateway import failover
from tests.fixtures.gateway.failover import Met, Servers
from tests.fixtures.gateway.gateway_fixture import Rig
from tests.fixtures.upstream.faults import FAULTS, Fault
from tests.fixtures.waiting import PATIENCE

LIMITS = Timeouts(connect=2.0, first_byte=30.0, idle=1.0, total=60.0, failover=1.0)
"""As published, in seconds instead of minutes: silence is given up after a second."""

PUBLISHED = Timeouts()
"""What a deployment has by default: silence is given up after 90 seconds."""


@pytest.fixture(name="faulty", scope="module")
def faulty_fixture() -> Iterator[Servers]:
    with failover.servers() as found:
        yield found


def meet(rig: Rig, faulty: Servers, fault: Fault, model: str, limits: Timeouts = LIMITS, **options: int) -> Met:
    failover.publish(rig, faulty, fault, limits=limits)
    return failover.meet(faulty, fault, failover.by_client(rig.url, model, fault, timeout=PATIENCE, **options))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_mended_or_ends_safely(rig: Rig, faulty: Servers, fault: Fault) -> None:
    met = meet(rig, faulty, fault, "plain", max_retries=0)
    assert met.verdict(fault) == ("safe" if fault.expected == "safe" else "pass"), met


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_behind_the_default_client_it_costs_at_most_six_calls(rig: Rig, faulty: Servers, fault: Fault) -> None:
    met = meet(rig, faulty, fault, "plain")
    assert met.verdict(fault, 6) == ("safe" if fault.expected == "safe" else "pass"), met


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_with_held_answers_no_fault_reaches_the_user(rig: Rig, faulty: Servers, fault: Fault) -> None:
    assert meet(rig, faulty, fault, "held", max_retries=0).verdict(fault) == "pass"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_reference_policy_passes_them_all(faulty: Servers, fault: Fault) -> None:
    met = failover.meet(faulty, fault, failover.by_policy(faulty, fault, timeout=1.0))
    assert met.verdict(fault) == "pass", met


@pytest.mark.release("load")
def test_silence_is_given_up_after_a_minute_and_a_half(rig: Rig, faulty: Servers) -> None:
    (silence,) = [fault for fault in FAULTS if fault.name.startswith("silence")]
    met = meet(rig, faulty, silence, "plain", PUBLISHED, max_retries=0)
    assert met.verdict(silence) == "pass"
    assert 85 < met.seconds < 99


def test_a_server_that_stays_broken_is_tried_no_more_often_behind_the_default_client(rig: Rig, faulty: Servers) -> None:
    broken = Fault("every answer is a 503", ({"kind": "json", "status": 503},))
    failover.publish(rig, faulty, broken, limits=LIMITS)
    faulty.backup.script = {"kind": "json", "status": 503}
    try:
        met = failover.meet(faulty, broken, failover.by_client(rig.url, "plain", broken, timeout=PATIENCE))
    finally:
        faulty.backup.script = {"kind": "json"}
    assert isinstance(met.error, openai.InternalServerError)
    assert sum(met.calls) == 3
    assert met.error.response.headers["x-should-retry"] == "false"
