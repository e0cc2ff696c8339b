"""A breaker opens for faults of the server alone, admits one probe at a time, and waits at most ten seconds."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import count

import pytest

from fairtrial.domain.plan import Deployment
from fairtrial.domain.settings import BreakerRule
from gateway.proxy.plan.breaker import LONGEST, Breaker, Failure

DEPLOYMENT = Deployment("tuned", "openai", "m-1", "http://x/v1", api_key="sk-secret")
PATH = "/chat/completions"
WHY = "http_503"
_UNITS = count()


def new_breaker(**rule: float) -> Breaker:
    return Breaker(replace(DEPLOYMENT, breaker=BreakerRule(**rule)), PATH)  # type: ignore[arg-type]


def failure(
    *, key: str | None = "k", unit: str | None = None, digest: str | None = None, lost: bool = False
) -> Failure:
    """By default each one is of another unit."""
    return Failure("upstream_connect" if lost else WHY, key, unit or f"u{next(_UNITS)}", digest, lost)


def send(breaker: Breaker, now: float, what: Failure | None, *, key: str | None = "k", fallback: bool = True) -> bool:
    """One request that fails so, or is answered; whether it was sent."""
    permit = breaker.admit(now, key, fallback=fallback)
    if permit is None:
        return False
    breaker.tries.add(now)
    if what is None:
        breaker.answered(permit, now)
    else:
        breaker.failed(permit, what, now)
    return True


def opened(now: float = 100.0, **rule: float) -> Breaker:
    breaker = new_breaker(**rule)
    for _ in range(20):
        send(breaker, now, failure())
    assert breaker.state == "open"
    return breaker


def probe(breaker: Breaker, now: float) -> int:
    permit = breaker.admit(now, "k", fallback=True)
    assert permit is not None and permit < 0
    assert breaker.state == "half_open"
    return permit


def test_half_of_twenty_tries_in_ten_seconds_open_it() -> None:
    breaker = new_breaker()
    for number in range(20):
        assert breaker.state == "closed"
        send(breaker, 100.0 + number * 0.4, failure() if number % 2 else None)
    assert breaker.state == "open"


def test_fewer_tries_or_a_smaller_share_or_a_longer_time_leave_it_closed() -> None:
    few, share, slow = new_breaker(), new_breaker(), new_breaker()
    for _ in range(19):
        send(few, 100.0, failure())
    for number in range(200):
        send(share, 100.0, failure() if number % 5 < 2 else None)
    for number in range(60):
        send(slow, 100.0 + number * 1.1, failure())
    assert [state.state for state in (few, share, slow)] == ["closed"] * 3


def test_successes_before_the_first_failure_count_too() -> None:
    breaker = new_breaker()
    for _ in range(100):
        breaker.tries.add(100.0)  # while it is calm, nothing else is noted
    for _ in range(30):
        send(breaker, 101.0, failure())
    assert breaker.state == "closed"


def test_five_failures_to_connect_in_a_row_open_it_whatever_the_volume() -> None:
    breaker = new_breaker()
    for number in range(5):
        assert breaker.state == "closed"
        send(breaker, 100.0 + number * 60, failure(lost=True))
    assert breaker.state == "open"


def test_an_answer_between_them_leaves_it_closed() -> None:
    breaker = new_breaker()
    for number in range(12):
        send(breaker, 100.0, None if number % 5 == 4 else failure(lost=True))
    assert breaker.state == "closed"


def test_the_same_prompt_of_one_unit_counts_once_for_a_fault_that_may_lie_in_it() -> None:
    breaker = new_breaker()
    for number in range(60):
        send(breaker, 100.0, failure(unit="poison", digest="p"))
        send(breaker, 100.0, failure(digest=f"d{number}") if number % 4 == 3 else None)
    assert breaker.state == "closed"
    for number in range(60, 200):
        send(breaker, 102.0, failure(digest=f"d{number}"))
    assert breaker.state == "open"


def test_one_key_alone_opens_it_for_itself_and_not_for_others() -> None:
    breaker = new_breaker()
    for _ in range(200):
        send(breaker, 100.0, failure(key="bad"), key="bad")
        send(breaker, 100.0, failure(key="bad"), key="bad")
        assert send(breaker, 100.0, None, key="good")
    assert (breaker.state_for("bad"), breaker.state_for("good")) == ("open", "closed")


def test_one_unit_alone_does_not_open_it_and_the_only_key_does() -> None:
    unit, key = new_breaker(), new_breaker()
    for _ in range(100):
        send(unit, 100.0, failure(unit="bad"))
        send(key, 100.0, failure())
    assert (unit.state, key.state) == ("closed", "open")


def test_without_a_fallback_a_partial_failure_sheds_nothing() -> None:
    breaker = new_breaker()
    sent = [
        send(breaker, 100.0 + number / 80, failure() if number % 2 else None, fallback=False) for number in range(800)
    ]
    assert all(sent)
    assert breaker.counts.opened > 0
    for number in range(42):
        send(breaker, 200.0, failure() if number % 2 else None, fallback=False)
    assert breaker.state == "open"
    assert not send(breaker, 200.0, None)  # a request that has a fallback
    assert send(breaker, 211.0, None, fallback=False)
    assert breaker.state == "closed"


def test_without_a_fallback_it_sheds_where_nothing_succeeds() -> None:
    breaker = opened()
    assert not send(breaker, 100.1, None, fallback=False)
    assert send(breaker, 100.2, failure(), fallback=False)  # the probe
    assert not send(breaker, 100.2, None, fallback=False)


def test_it_sheds_ten_seconds_after_the_last_request_that_succeeded() -> None:
    breaker = new_breaker()
    for number in range(20):
        send(breaker, 100.0, failure() if number % 2 else None)
    assert breaker.state == "open"
    for number in range(99):
        assert send(breaker, 100.0 + number / 10, failure(lost=True), fallback=False)
    assert [send(breaker, 110.0, failure(), fallback=False) for _ in range(3)] == [True, False, False], "a probe"


def test_successes_before_the_first_failure_delay_it_as_well() -> None:
    breaker = new_breaker()
    for _ in range(10):
        breaker.tries.add(100.0)
    for number in range(99):
        assert send(breaker, 100.0 + number / 10, failure(), fallback=False)
    assert [send(breaker, 110.1, failure(), fallback=False) for _ in range(3)] == [True, False, False], "a probe"


def test_one_probe_at_a_time_is_admitted_and_its_answer_closes_it() -> None:
    breaker = opened()
    permit = probe(breaker, 101.0)
    assert [breaker.admit(101.0, "k", fallback=True), breaker.admit(500.0, "k", fallback=True)] == [None, None]
    breaker.answered(permit, 101.0)
    assert (breaker.state, breaker.calm) == ("closed", True)


def test_the_pause_doubles_with_each_failed_probe_up_to_ten_seconds_and_starts_anew_later() -> None:
    breaker, now = opened(), 100.0
    for pause in (1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        assert breaker.admit(now + pause - 0.001, "k", fallback=True) is None
        assert breaker.seconds_left(now, fallback=True) == pause
        now += pause
        breaker.failed(probe(breaker, now), failure(), now)
    breaker.answered(probe(breaker, now + LONGEST), now + LONGEST)
    now += 100
    for _ in range(20):
        send(breaker, now, failure())
    assert (breaker.state, breaker.seconds_left(now, fallback=True)) == ("open", 1)


def test_a_longer_pause_counts_as_ten_seconds() -> None:
    assert opened(open_seconds=90.0).seconds_left(100.0, fallback=True) == LONGEST


def test_a_probe_that_is_cancelled_frees_its_place() -> None:
    breaker = opened()
    breaker.abandoned(probe(breaker, 101.0))
    assert breaker.state == "open"
    breaker.failed(probe(breaker, 101.0), failure(), 101.0)
    assert breaker.seconds_left(101.0, fallback=True) == 2


def test_requests_from_before_change_nothing_however_they_end() -> None:
    breaker = new_breaker()
    early = breaker.permit
    for _ in range(20):
        send(breaker, 100.0, failure())
    breaker.answered(early, 100.5)
    breaker.failed(early, failure(), 100.6)
    breaker.abandoned(early)
    assert (breaker.state, breaker.counts.opened, breaker.seconds_left(100.0, fallback=True)) == ("open", 1, 1)
    breaker.answered(probe(breaker, 101.0), 101.0)
    for _ in range(40):
        breaker.failed(early, failure(), 101.5)
    assert (breaker.state, breaker.calm) == ("closed", True)


def test_two_hundred_requests_in_flight_that_fail_open_it_once() -> None:
    breaker = new_breaker()
    permits = [breaker.admit(100.0, "k", fallback=True) for _ in range(200)]
    for number, permit in enumerate(permits):
        assert permit is not None
        breaker.tries.add(100.0)
        breaker.failed(permit, failure(), 100.0 + number / 1000)
    assert [breaker.admit(100.3, "k", fallback=True) for _ in range(200)] == [None] * 200
    assert (breaker.counts.opened, breaker.counts.kept_away) == (1, 200)


@pytest.mark.parametrize("failures", [1, 3])
def test_the_numbers_are_the_deployment_s(failures: int) -> None:
    row, share = new_breaker(failures=failures), new_breaker(share=0.9, tries=10)
    for _ in range(max(2, failures)):
        assert row.state == "closed"
        send(row, 100.0, failure(lost=True))
    for number in range(30):
        send(share, 100.0, failure() if number % 5 else None)
    assert (row.state, share.state) == ("open", "closed")
    for _ in range(40):
        send(share, 101.0, failure())
    assert share.state == "open"


def test_with_no_number_of_failures_it_never_opens() -> None:
    breaker = new_breaker(failures=0)
    for _ in range(100):
        send(breaker, 100.0, failure(lost=True))
    assert (breaker.state, breaker.calm) == ("closed", True)


def test_it_is_calm_again_ten_seconds_after_a_failure() -> None:
    breaker = new_breaker()
    send(breaker, 100.0, failure())
    send(breaker, 105.0, None)
    assert not breaker.calm
    send(breaker, 110.0, None)
    assert breaker.calm


def test_opening_and_closing_are_logged_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        breaker = opened()
        breaker.answered(probe(breaker, 101.0), 101.0)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"deployment tuned{PATH}: breaker open for 1 s after {WHY}"),
        ("INFO", f"deployment tuned{PATH}: breaker closed, it answers again after {WHY}"),
    ]
