"""What a breaker leaves of a server that fails a part of the time and has no fallback.

The clock is injected, and each row has 10,000 requests. The expectation is what straight calls get. Without a fallback
the breaker may cost 5 % of it as long as the server answers a fifth of the time, and 15 % where it answers a tenth.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from fairtrial.domain.plan import Deployment
from gateway.proxy.plan.breaker import Breaker, Failure

DEPLOYMENT = Deployment("tuned", "openai", "m-1", "http://x/v1")
REQUESTS = 10_000
SHARES = (5, 20, 50, 80, 90, 95, 98)
RATES = (2, 10, 50)
SECONDS = (0.1, 3.0)
"""How long an answer takes to begin."""

LEAST = 0.95
"""The least part of the expectation as long as at most 80 % fail."""

FAILURE_SECONDS = 0.01
"""How long a failure takes."""

PERIOD = 20.0
"""Seconds from the beginning of a burst to that of the next one."""

Kind = Literal["at random", "in bursts"]


@dataclass(frozen=True, slots=True)
class Callers:
    """Who sends the requests: ``users`` of each of ``keys``."""

    keys: int
    users: int

    def __str__(self) -> str:
        users = "one user" if self.users == 1 else f"{self.users} users"
        return f"{users}, {'one key' if self.keys == 1 else f'{self.keys} keys'}"


CALLERS = (Callers(1, 500), Callers(5, 100), Callers(1, 1), Callers(5, 1))


@dataclass(frozen=True, slots=True)
class Traffic:
    """One row: ``percent`` of the requests fail, ``kind`` of failures; ``rate``: requests in a second."""

    kind: Kind
    percent: int
    rate: int
    callers: Callers
    seconds: float

    def __str__(self) -> str:
        return f"{self.percent} % {self.kind}, {self.rate}/s, {self.callers}, answers after {self.seconds:g} s"

    @property
    def limit(self) -> float | None:
        """The least part of the expectation that is promised."""
        return LEAST if self.percent <= 80 else 0.85 if self.percent <= 90 else None

    def fails(self) -> Callable[[float], bool]:
        """Whether the server fails at a time. A burst is the first part of each period."""
        draw = Random(self.percent)
        if self.kind == "at random":
            return lambda _: draw.random() * 100 < self.percent
        return lambda now: now % PERIOD < self.percent / 100 * PERIOD


@dataclass(frozen=True, slots=True)
class Row:
    """What came of it."""

    traffic: Traffic
    expected: int
    answered: int

    @property
    def ratio(self) -> float:
        return self.answered / self.expected

    @property
    def missed(self) -> bool:
        return self.traffic.limit is not None and self.ratio < self.traffic.limit


def measured(traffic: Traffic, requests: int = REQUESTS) -> Row:
    breaker, draw, fails = Breaker(DEPLOYMENT, "/chat/completions"), Random(7), traffic.fails()
    under_way: list[tuple[float, int, Callable[[float], None]]] = []
    order, now, expected, answered = itertools.count(), 1_000.0, 0, 0
    for number in range(requests):
        now += draw.expovariate(traffic.rate)
        while under_way and under_way[0][0] <= now:
            at, _, end = heapq.heappop(under_way)
            end(at)
        failed = fails(now)
        expected += not failed
        key = f"k{number % traffic.callers.keys}"
        permit = breaker.admit(now, key, fallback=False)
        if permit is None:
            continue
        breaker.tries.add(now)
        answered += not failed
        unit = f"{key}-u{draw.randrange(traffic.callers.users)}"
        failure = Failure("http_503", key, unit, seconds=FAILURE_SECONDS)
        seconds = FAILURE_SECONDS if failed else traffic.seconds
        heapq.heappush(under_way, (now + seconds, next(order), _end(breaker, permit, failure if failed else None)))
    return Row(traffic, expected, answered)


def _end(breaker: Breaker, permit: int, failure: Failure | None) -> Callable[[float], None]:
    if failure is None:
        return lambda at: breaker.answered(permit, at)
    return lambda at: breaker.failed(permit, failure, at)


def all_traffic() -> Iterator[Traffic]:
    kinds: tuple[Kind, ...] = ("at random", "in bursts")
    for values in itertools.product(kinds, SHARES, RATES, CALLERS, SECONDS):
        yield Traffic(*values)


def missed(rows: Iterable[Row]) -> list[str]:
    """The rows below their limit, each as a sentence."""
    return [
        f"{row.traffic}: {row.ratio:.3f} of the expectation, {row.traffic.limit} is promised"
        for row in rows
        if row.missed
    ]


def table(rows: Sequence[Row], *, every: bool) -> Iterator[str]:
    """Lines of a table: every row, or the worst one of each kind and share."""
    yield "| of the requests fail | traffic | straight | through the gateway | ratio | limit | |"
    yield "|---|---|--:|--:|--:|--:|---|"
    groups = itertools.groupby(rows, lambda row: (row.traffic.kind, row.traffic.percent))
    for row in rows if every else [min(group, key=lambda row: row.ratio) for _, group in groups]:
        traffic, limit = row.traffic, row.traffic.limit
        verdict = "" if limit is None else "**missed**" if row.missed else "kept"
        what, where = str(traffic).split(", ", 1)
        figures = f"{row.expected} | {row.answered} | {row.ratio:.3f} | {limit or 'none'}"
        yield f"| {what} | {where} | {figures} | {verdict} |"
