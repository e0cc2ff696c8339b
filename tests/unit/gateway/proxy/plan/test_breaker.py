"""A breaker opens after failures in a row, admits one probe at a time, and waits longer after each failed probe."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from fairtrial.domain.plan import BreakerRule, Deployment
from gateway.proxy.plan.breaker import LONGEST, Breaker, breaker_for

DEPLOYMENT = Deployment("tuned", "openai", "m-1", "http://x/v1", api_key="sk-secret")
WHY = "upstream_connect"


def breaker(**rule: float) -> Breaker:
    return Breaker(replace(DEPLOYMENT, breaker=BreakerRule(**rule)))  # type: ignore[arg-type]


def fail(one: Breaker, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        permit = one.admit(now)
        assert permit is not None
        one.failed(permit, WHY, now)


def opened(now: float = 0.0, **rule: float) -> Breaker:
    one = breaker(**rule)
    fail(one, one.deployment.breaker.failures, now)
    assert one.state == "open"
    return one


def probe(one: Breaker, now: float) -> int:
    permit = one.admit(now)
    assert permit is not None
    assert one.state == "half_open"
    return permit


def test_the_fifth_failure_in_a_row_opens_it() -> None:
    one = breaker()
    fail(one, 4)
    assert (one.state, one.calm) == ("closed", False)
    fail(one, 1)
    assert (one.state, one.counts.opened) == ("open", 1)
    assert [one.admit(now) for now in (0.0, 1.0, 4.999)] == [None] * 3
    assert one.counts.kept_away == 3


def test_a_complete_answer_resets_the_count_and_an_error_answer_leaves_it() -> None:
    one = breaker()
    fail(one, 4)
    one.succeeded(one.permit)
    assert one.calm
    fail(one, 4)
    one.answers(one.permit)
    one.abandoned(one.permit)
    assert one.state == "closed"
    fail(one, 1)
    assert one.state == "open"


def test_one_probe_at_a_time_is_admitted_and_its_complete_answer_closes_the_breaker() -> None:
    one = opened()
    permit = probe(one, 5.0)
    assert [one.admit(5.0), one.admit(500.0)] == [None, None]
    one.succeeded(permit)
    assert (one.state, one.calm) == ("closed", True)
    fail(one, 4, 6.0)
    assert one.state == "closed"


def test_the_pause_doubles_with_each_failed_probe_up_to_a_minute_and_starts_anew_after_an_answer() -> None:
    one, now = opened(), 0.0
    for pause in (5.0, 10.0, 20.0, 40.0, 60.0, 60.0):
        assert one.admit(now + pause - 0.001) is None
        assert one.seconds_left(now) == pause
        now += pause
        one.failed(probe(one, now), WHY, now)
    one.succeeded(probe(one, now + LONGEST))
    fail(one, 5, now)
    assert one.seconds_left(now) == 5


def test_a_pause_that_is_longer_than_a_minute_stays_as_configured() -> None:
    one = opened(open_seconds=90.0)
    one.failed(probe(one, 90.0), WHY, 90.0)
    assert one.seconds_left(90.0) == 90


def test_a_probe_that_is_cancelled_frees_its_place() -> None:
    one = opened()
    one.abandoned(probe(one, 5.0))
    assert one.state == "open"
    second = probe(one, 5.0)
    one.failed(second, WHY, 5.0)
    assert one.seconds_left(5.0) == 10


def test_requests_from_before_the_probe_change_nothing_however_they_end() -> None:
    one = breaker()
    early = one.permit
    fail(one, 5)
    for end in (one.answers, one.succeeded, one.abandoned):
        end(early)
    one.failed(early, WHY, 4.0)
    assert (one.state, one.counts.opened, one.seconds_left(0.0)) == ("open", 1, 5)
    permit = probe(one, 5.0)
    for end in (one.answers, one.succeeded, one.abandoned):
        end(early)
    one.failed(early, WHY, 5.0)
    assert one.state == "half_open"
    one.succeeded(permit)
    for _ in range(9):
        one.failed(early, WHY, 6.0)
    assert (one.state, one.calm) == ("closed", True)


def test_a_stream_that_begins_admits_others_but_its_failure_opens_the_breaker_again() -> None:
    one = opened()
    permit = probe(one, 5.0)
    one.answers(permit)
    assert (one.state, one.admit(5.0)) == ("closed", permit)
    one.failed(permit, "upstream_reset", 6.0)
    assert (one.state, one.seconds_left(6.0)) == ("open", 10)


def test_two_hundred_requests_in_flight_that_fail_open_it_once_and_nothing_else_is_sent() -> None:
    one = breaker()
    permits = [one.admit(0.0) for _ in range(200)]
    for number, permit in enumerate(permits):
        assert permit is not None
        one.failed(permit, WHY, number / 1000)
    assert [one.admit(0.3) for _ in range(200)] == [None] * 200
    assert (one.counts.opened, one.counts.kept_away) == (1, 200)


@pytest.mark.parametrize("failures", [1, 3])
def test_the_number_of_failures_is_the_deployment_s(failures: int) -> None:
    one = breaker(failures=failures)
    fail(one, failures - 1)
    assert one.state == "closed"
    fail(one, 1)
    assert one.state == "open"


def test_with_no_number_of_failures_it_never_opens() -> None:
    one = breaker(failures=0)
    fail(one, 100)
    assert (one.state, one.calm) == ("closed", True)


def test_a_new_plan_keeps_the_state_of_the_same_deployment_and_closes_that_of_a_changed_one() -> None:
    one = opened()
    assert breaker_for(replace(one.deployment), one) is one
    for change in ({"base_url": "http://y/v1"}, {"model": "m-2"}, {"breaker": BreakerRule(failures=0)}):
        new = breaker_for(replace(one.deployment, **change), one)
        assert (new.state, new.calm, new.counts) == ("closed", True, one.counts)
    assert breaker_for(one.deployment, None).state == "closed"


def test_opening_and_closing_are_logged_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        one = opened()
        one.succeeded(probe(one, 5.0))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"deployment tuned: breaker open for 5 s after 5 failures in a row, the last one {WHY}"),
        ("INFO", f"deployment tuned: breaker closed, it answers again after {WHY}"),
    ]
