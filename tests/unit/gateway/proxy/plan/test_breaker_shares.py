"""What a breaker leaves of a server that fails a part of the time, by an injected clock and thousands of requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random

import pytest

from fairtrial.domain.plan import Deployment
from gateway.proxy.plan.breaker import LONGEST_ALONE, Breaker, Failure
from tests.fixtures.for_each import for_each

DEPLOYMENT = Deployment("tuned", "openai", "m-1", "http://x/v1")
PATH = "/chat/completions"
REQUESTS = 10_000
SHARES = (5, 30, 50, 80, 90)
LEAST = {90: 0.85}
"""The least part of what the server would have answered, in place of 0.95."""

Fails = Callable[[float], bool]
"""Whether the server fails at a time."""


def steady(percent: float) -> Fails:
    draw = Random(percent)
    return lambda _: draw.random() * 100 < percent


def bursts(percent: float) -> Fails:
    """Twenty seconds, of which the first part fails always."""
    return lambda now: now % 20 < percent / 5


def part_of_expected(fails: Fails, rate: float, *, users: int, seconds: float = 0.0) -> float:
    """The answered requests of a route without a fallback, as a part of those that the server would have answered.

    ``seconds``: how long an answer takes; failures come at once.
    """
    breaker, expected, answered, draw = Breaker(DEPLOYMENT, PATH), 0, 0, Random(7)
    now, under_way = 1_000.0, deque[tuple[float, int]]()
    for number in range(REQUESTS):
        now += draw.expovariate(rate)
        while under_way and under_way[0][0] <= now:
            at, permit = under_way.popleft()
            breaker.answered(permit, at)
        failed = fails(now)
        expected += not failed
        permit = breaker.admit(now, "k", fallback=False)
        if permit is None:
            continue
        breaker.tries.add(now)
        if failed:
            breaker.failed(permit, Failure("http_503", "k", f"u{number % users}"), now)
        else:
            under_way.append((now + seconds, permit))
            answered += 1
    return answered / expected


@for_each(
    ("percent", "rate", "users", "seconds"),
    [
        (share, rate, users, seconds)
        for share in SHARES
        for rate in (2, 10, 50)
        for users, seconds in ((1, 0.0), (500, 0.0), (500, 3.0))
    ],
)
def test_without_a_fallback_nearly_all_that_would_be_answered_is(
    percent: int, rate: float, users: int, seconds: float
) -> None:
    assert part_of_expected(steady(percent), rate, users=users, seconds=seconds) >= LEAST.get(percent, 0.95)


@for_each(("percent", "rate"), [(share, rate) for share in (5, 30, 50, 80) for rate in (2, 10, 50)])
def test_after_a_burst_it_is_called_soon(percent: int, rate: float) -> None:
    assert part_of_expected(bursts(percent), rate, users=500) >= 0.95


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
    breaker = Breaker(DEPLOYMENT, PATH)
    for number in range(20):
        breaker.failed(1, Failure("http_503", "k", f"u{number}"), 100.0)
    silent = breaker.admit(100.3, "k", fallback=False)
    assert breaker.admit(100.4, "k", fallback=False) is None
    second = breaker.admit(100.6, "k", fallback=False)
    assert silent is not None and second is not None and max(silent, second) < 0
    breaker.answered(second, 102.1)
    breaker.failed(silent, Failure("upstream_timeout", "k", "u"), 103.0)
    assert breaker.state == "closed"


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
