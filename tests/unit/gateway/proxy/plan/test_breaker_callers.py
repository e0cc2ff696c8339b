"""Whom an open breaker keeps away, and how a server without a fallback is found to be well again."""

from __future__ import annotations

import pytest

from fairtrial.domain.plan import Deployment
from gateway.proxy.plan.breaker import LONGEST_ALONE, Breaker, Failure

DEPLOYMENT = Deployment("tuned", "openai", "m-1", "http://x/v1")
PATH = "/chat/completions"


def opened(*, seconds: float = 0.01) -> Breaker:
    """By twenty failures of as many users, which took so long."""
    breaker = Breaker(DEPLOYMENT, PATH)
    for number in range(20):
        breaker.tries.add(100.0)
        breaker.failed(1, Failure("http_503", "k", f"u{number}", seconds=seconds), 100.0)
    return breaker


def silent(breaker: Breaker, now: float, *, unit: str, key: str = "k") -> bool:
    """A request that nobody answers; whether it was sent."""
    permit = breaker.admit(now, key, unit, fallback=True)
    if permit is not None:
        breaker.tries.add(now)
        breaker.failed(permit, Failure("upstream_timeout", key, unit, unreachable=True, seconds=1.0), now)
    return permit is not None


@pytest.mark.parametrize("rate", [2.0, 50.0])
def test_a_server_that_answers_nothing_gets_only_probes(rate: float) -> None:
    breaker, sent, now = Breaker(DEPLOYMENT, PATH), 0, 1_000.0
    for number in range(2_000):
        now += 1 / rate
        permit = breaker.admit(now, "k", fallback=False)
        if permit is not None:
            sent += 1
            breaker.tries.add(now)
            breaker.failed(permit, Failure("http_503", "k", f"u{number}"), now)
    assert sent <= 25 + (now - 1_000.0) / LONGEST_ALONE


def test_a_probe_that_stays_silent_does_not_delay_the_next_one() -> None:
    breaker = opened(seconds=5.0)
    first = breaker.admit(100.3, "k", fallback=False)
    assert breaker.admit(100.4, "k", fallback=False) is None
    second = breaker.admit(100.6, "k", fallback=False)
    assert first is not None and second is not None and max(first, second) < 0
    breaker.answered(second, 102.1)
    breaker.failed(first, Failure("upstream_timeout", "k", "u"), 103.0)
    assert breaker.state == "closed"


def test_a_probe_that_takes_longer_than_failures_do_lets_requests_through_until_one_fails() -> None:
    breaker = opened()
    assert (breaker.admit(100.3, "k", fallback=False) or 0) < 0
    assert breaker.admit(100.34, "k", fallback=False) is None
    permit = breaker.admit(100.36, "k", fallback=False)
    assert permit is not None and permit > 0
    breaker.failed(permit, Failure("http_503", "k", "u", seconds=0.01), 100.37)
    assert breaker.admit(100.4, "k", fallback=False) is None


def test_one_key_opens_it_for_itself_alone_also_if_no_other_was_here_lately() -> None:
    breaker, now = Breaker(DEPLOYMENT, PATH), 1_000.0
    for number in range(1_200):
        now += 0.05
        permit = breaker.admit(now, "bad", fallback=True)
        if permit is not None:
            breaker.tries.add(now)
            breaker.failed(permit, Failure("http_503", "bad", f"u{number}"), now)
        if number % 300 == 299:
            permit = breaker.admit(now, "good", fallback=True)
            assert permit is not None and breaker.state_for("good") == "closed"
            breaker.tries.add(now)
            breaker.answered(permit, now)
    assert (breaker.state_for("bad"), breaker.counts.opened > 0) == ("open", True)


def test_a_failure_of_another_key_binds_all_until_it_closes() -> None:
    breaker = Breaker(DEPLOYMENT, PATH)
    for number in range(20):
        breaker.tries.add(100.0)
        breaker.failed(1, Failure("http_503", "bad", f"u{number}"), 100.0)
    permit = breaker.admit(100.1, "good", fallback=True)
    assert permit is not None and permit > 0
    breaker.failed(permit, Failure("http_503", "good", "v"), 100.2)
    assert breaker.admit(100.3, "third", fallback=True) is None


def test_after_ten_seconds_without_requests_it_is_judged_anew() -> None:
    breaker, slow = opened(), opened(seconds=6.0)
    permits = [breaker.admit(100.2 + gap, "k", fallback=False) for gap in (0.0, 0.01)]
    assert [permit is not None for permit in permits] == [True, False], "a probe, and a request that is shed"
    breaker.failed(-2, Failure("http_503", "k", "u", seconds=0.01), 100.22)
    assert all(breaker.admit(111.0 + number / 100, "k", fallback=False) for number in range(20))
    assert not all(slow.admit(111.0 + number / 100, "k", fallback=False) for number in range(20)), "it may be silent"


def test_silence_that_one_user_alone_meets_binds_that_user_alone() -> None:
    breaker = Breaker(DEPLOYMENT, PATH)
    assert [silent(breaker, 100.0 + number / 10, unit="one") for number in range(8)] == [True] * 5 + [False] * 3
    states = [breaker.state_for("k", "one"), breaker.state_for("k", "two"), breaker.state_for("other", "one")]
    assert states == ["open", "closed", "closed"]
    permit = breaker.admit(101.0, "other", "two", fallback=True)
    assert permit is not None and permit > 0
    breaker.failed(permit, Failure("http_503", "other", "two"), 101.1)
    assert breaker.state_for("k", "two") == "closed", "one failure of somebody else says little"


def test_silence_that_a_second_user_meets_binds_the_key() -> None:
    breaker = Breaker(DEPLOYMENT, PATH)
    for number in range(5):
        silent(breaker, 100.0 + number / 10, unit="one")
    for number in range(5):
        silent(breaker, 101.0 + number / 10, unit="two")
    assert [breaker.state_for("k", "three"), breaker.state_for("other", "one")] == ["open", "closed"]
    permit = breaker.admit(110.0, "k", "three", fallback=True)
    assert permit is not None and permit < 0
    breaker.answered(permit, 110.1)
    assert breaker.state_for("k", "one") == "closed"
