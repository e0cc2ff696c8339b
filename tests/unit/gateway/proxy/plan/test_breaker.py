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


def breaker(**rule: float) -> Breaker:
    return Breaker(replace(DEPLOYMENT, breaker=BreakerRule(**rule)), PATH)  # type: ignore[arg-type]


def failure(
    *, key: str | None = "k", unit: str | None = None, digest: str | None = None, lost: bool = False
) -> Failure:
    """By default each one is of another unit."""
    return Failure("upstream_connect" if lost else WHY, key, unit or f"u{next(_UNITS)}", digest, lost)


def send(one: Breaker, now: float, what: Failure | None, *, key: str | None = "k", fallback: bool = True) -> bool:
    """One request that fails so, or is answered; whether it was sent."""
    permit = one.admit(now, fallback=fallback)
    if permit is None:
        return False
    one.tries.add(key, now)
    if what is None:
        one.answered(permit, now)
    else:
        one.failed(permit, what, now)
    return True


def opened(now: float = 100.0, **rule: float) -> Breaker:
    one = breaker(**rule)
    for _ in range(20):
        send(one, now, failure())
    assert one.state == "open"
    return one


def probe(one: Breaker, now: float) -> int:
    permit = one.admit(now, fallback=True)
    assert permit is not None and permit < 0
    assert one.state == "half_open"
    return permit


def test_half_of_twenty_tries_in_ten_seconds_open_it() -> None:
    one = breaker()
    for number in range(20):
        assert one.state == "closed"
        send(one, 100.0 + number * 0.4, failure() if number % 2 else None)
    assert one.state == "open"


def test_fewer_tries_or_a_smaller_share_or_a_longer_time_leave_it_closed() -> None:
    few, share, slow = breaker(), breaker(), breaker()
    for _ in range(19):
        send(few, 100.0, failure())
    for number in range(200):
        send(share, 100.0, failure() if number % 5 < 2 else None)
    for number in range(60):
        send(slow, 100.0 + number * 1.1, failure())
    assert [one.state for one in (few, share, slow)] == ["closed"] * 3


def test_successes_before_the_first_failure_count_too() -> None:
    one = breaker()
    for _ in range(100):
        one.tries.add("k", 100.0)  # while it is calm, nothing else is noted
    for _ in range(30):
        send(one, 101.0, failure())
    assert one.state == "closed"


def test_five_failures_to_connect_in_a_row_open_it_whatever_the_volume() -> None:
    one = breaker()
    for number in range(5):
        assert one.state == "closed"
        send(one, 100.0 + number * 60, failure(lost=True))
    assert one.state == "open"


def test_an_answer_between_them_or_a_single_unit_leaves_it_closed() -> None:
    answered, alone = breaker(), breaker()
    for number in range(12):
        send(answered, 100.0, None if number % 5 == 4 else failure(lost=True))
        send(alone, 100.0, failure(unit="one", lost=True))
    assert (answered.state, alone.state) == ("closed", "closed")


def test_the_same_prompt_of_one_unit_counts_once_for_a_fault_that_may_lie_in_it() -> None:
    one = breaker()
    for number in range(60):
        send(one, 100.0, failure(unit="poison", digest="p"))
        send(one, 100.0, failure(digest=f"d{number}") if number % 4 == 3 else None)
    assert one.state == "closed"
    for number in range(60, 200):
        send(one, 102.0, failure(digest=f"d{number}"))
    assert one.state == "open"


def test_one_key_alone_does_not_open_it_for_others() -> None:
    one = breaker()
    for _ in range(200):
        send(one, 100.0, failure(key="bad"), key="bad")
        send(one, 100.0, failure(key="bad"), key="bad")
        send(one, 100.0, None, key="good")
    assert one.state == "closed"
    assert send(one, 100.0, None, key="good")


def test_one_unit_alone_does_not_open_it_and_the_only_key_does() -> None:
    unit, key = breaker(), breaker()
    for _ in range(100):
        send(unit, 100.0, failure(unit="bad"))
        send(key, 100.0, failure())
    assert (unit.state, key.state) == ("closed", "open")


def test_another_key_that_was_here_long_ago_protects_nobody() -> None:
    one = breaker()
    send(one, 100.0, None, key="good")
    for number in range(40):
        send(one, 101.0 + number * 0.4, failure())
    assert one.state == "open"


def test_without_a_fallback_a_partial_failure_sheds_nothing() -> None:
    one = breaker()
    sent = [send(one, 100.0 + number / 80, failure() if number % 2 else None, fallback=False) for number in range(800)]
    assert all(sent)
    assert one.counts.opened > 0
    for number in range(42):
        send(one, 200.0, failure() if number % 2 else None, fallback=False)
    assert one.state == "open"
    assert not send(one, 200.0, None)  # a request that has a fallback
    assert send(one, 211.0, None, fallback=False)
    assert one.state == "closed"


def test_without_a_fallback_it_sheds_where_nothing_succeeds() -> None:
    one = opened()
    assert not send(one, 100.5, None, fallback=False)
    assert send(one, 101.0, failure(), fallback=False)  # the probe
    assert not send(one, 101.0, None, fallback=False)


def test_it_sheds_later_if_what_it_let_through_stops_succeeding() -> None:
    one = breaker()
    for number in range(20):
        send(one, 100.0, failure() if number % 2 else None)
    assert (one.state, one.hopeless) == ("open", False)
    for _ in range(5):
        assert send(one, 100.1, failure(lost=True), fallback=False)
    assert not send(one, 100.2, None, fallback=False)


def test_one_probe_at_a_time_is_admitted_and_its_answer_closes_it() -> None:
    one = opened()
    permit = probe(one, 101.0)
    assert [one.admit(101.0, fallback=True), one.admit(500.0, fallback=True)] == [None, None]
    one.answered(permit, 101.0)
    assert (one.state, one.calm) == ("closed", True)


def test_the_pause_doubles_with_each_failed_probe_up_to_ten_seconds_and_starts_anew_later() -> None:
    one, now = opened(), 100.0
    for pause in (1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        assert one.admit(now + pause - 0.001, fallback=True) is None
        assert one.seconds_left(now) == pause
        now += pause
        one.failed(probe(one, now), failure(), now)
    one.answered(probe(one, now + LONGEST), now + LONGEST)
    now += 100
    for _ in range(20):
        send(one, now, failure())
    assert (one.state, one.seconds_left(now)) == ("open", 1)


def test_a_longer_pause_counts_as_ten_seconds() -> None:
    assert opened(open_seconds=90.0).seconds_left(100.0) == LONGEST


def test_a_probe_that_is_cancelled_frees_its_place() -> None:
    one = opened()
    one.abandoned(probe(one, 101.0))
    assert one.state == "open"
    one.failed(probe(one, 101.0), failure(), 101.0)
    assert one.seconds_left(101.0) == 2


def test_requests_from_before_change_nothing_however_they_end() -> None:
    one = breaker()
    early = one.permit
    for _ in range(20):
        send(one, 100.0, failure())
    one.answered(early, 100.5)
    one.failed(early, failure(), 100.6)
    one.abandoned(early)
    assert (one.state, one.counts.opened, one.seconds_left(100.0)) == ("open", 1, 1)
    one.answered(probe(one, 101.0), 101.0)
    for _ in range(40):
        one.failed(early, failure(), 101.5)
    assert (one.state, one.calm) == ("closed", True)


def test_two_hundred_requests_in_flight_that_fail_open_it_once() -> None:
    one = breaker()
    permits = [one.admit(100.0, fallback=True) for _ in range(200)]
    for number, permit in enumerate(permits):
        assert permit is not None
        one.tries.add("k", 100.0)
        one.failed(permit, failure(), 100.0 + number / 1000)
    assert [one.admit(100.3, fallback=True) for _ in range(200)] == [None] * 200
    assert (one.counts.opened, one.counts.kept_away) == (1, 200)


@pytest.mark.parametrize("failures", [1, 3])
def test_the_numbers_are_the_deployment_s(failures: int) -> None:
    row, share = breaker(failures=failures), breaker(share=0.9, tries=10)
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
    one = breaker(failures=0)
    for _ in range(100):
        send(one, 100.0, failure(lost=True))
    assert (one.state, one.calm) == ("closed", True)


def test_it_is_calm_again_ten_seconds_after_a_failure() -> None:
    one = breaker()
    send(one, 100.0, failure())
    send(one, 105.0, None)
    assert not one.calm
    send(one, 110.0, None)
    assert one.calm


def test_opening_and_closing_are_logged_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        one = opened()
        one.answered(probe(one, 101.0), 101.0)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"deployment tuned{PATH}: breaker open for 1 s after {WHY}"),
        ("INFO", f"deployment tuned{PATH}: breaker closed, it answers again after {WHY}"),
    ]
