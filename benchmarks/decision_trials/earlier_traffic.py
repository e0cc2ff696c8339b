"""Simulated requests of people before and during an experiment, with what of their habits lasts."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
BEFORE, DURING = 14.0, 28.0
QUANTILE = 0.95


@dataclass(frozen=True, slots=True)
class History:
    """How people use an application, and what of it lasts.

    ``people``: everybody who is or becomes a user. ``visits``: the median number of visits of a person a day, whose
    logarithm has the deviation ``spread`` between people and ``drift`` within one. ``requests``: the mean number of one
    visit. ``joined``: the days before the end among which people begin, evenly; ``stays``: the mean days of use.
    ``persistent``: the share of the variance of the logarithm of costs that lies between people, and twice that of
    latencies.
    ``taste``: the same for thumbs. ``raters``: the share of people who give thumbs on ``rate`` of their requests; the
    others give them on ``seldom``. ``level``: the share of thumbs that are up. ``errors``: the share of failed requests
    of a prompt of usual length.
    """

    name: str
    people: int
    visits: float
    spread: float
    requests: float
    joined: float
    stays: float
    persistent: float
    taste: float
    drift: float = 0.5
    raters: float = 0.1
    rate: float = 0.25
    seldom: float = 0.01
    level: float = 0.7
    errors: float = 0.01


HISTORIES = (
    History(
        "an assistant at work (everybody returns)",
        30_000, visits=0.35, spread=1.0, requests=4.0, joined=700, stays=1_000, persistent=0.4, taste=0.2,
    ),
    History(
        "an application for everybody (half return)",
        250_000, visits=0.08, spread=1.3, requests=3.0, joined=150, stays=30, persistent=0.3, taste=0.2,
    ),
    History(
        "a support desk (few return)",
        250_000, visits=0.012, spread=0.8, requests=2.0, joined=700, stays=365, persistent=0.2, taste=0.1,
        raters=1.0, rate=0.3,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of all people in the 14 days before the start and the 28 days after it.

    ``who`` sent each, ``at`` which day since the start. ``thumbs``: up is 1, down is 0, NaN without one. ``slow``:
    beyond the quantile of latencies before the start.
    """

    who: Ints
    at: Floats
    cost: Floats
    failed: Floats
    thumbs: Floats
    slow: Floats


@dataclass(frozen=True, slots=True)
class Users:
    """Those who send a request in the 28 days, by number: all of their requests, and the day of the ``first`` then."""

    requests: Requests
    first: Floats

    @classmethod
    def drawn(cls, rng: Generator, history: History) -> Self:
        """The users among all people of a history."""
        found = _draw_requests(rng, history)
        first = np.full(history.people, np.inf)
        np.minimum.at(first, found.who[found.at >= 0], found.at[found.at >= 0])
        known = np.isfinite(first)
        theirs = known[found.who]
        kept = [getattr(found, one.name)[theirs] for one in fields(Requests)]
        return cls(Requests((np.cumsum(known) - 1)[kept[0]], *kept[1:]), first[known])

    def total(self, values: Floats, chosen: Bools) -> Floats:
        """The sum of the chosen requests' values, by user."""
        found: Floats = np.bincount(self.requests.who[chosen], values[chosen], len(self.first))
        return found

    def count(self, chosen: Bools) -> Floats:
        """The number of the chosen requests, by user."""
        return self.total(np.ones(len(chosen)), chosen)


def _draw_requests(rng: Generator, history: History) -> Requests:
    """Everybody's requests."""
    who, at = _times(rng, history)
    people, n = history.people, len(who)
    lasts, now = history.persistent**0.5, (1 - history.persistent) ** 0.5
    long = lasts * rng.standard_normal(people)[who] + now * rng.standard_normal(n)
    latency = (long + rng.standard_normal(n)) / 2**0.5
    failed = rng.random(n) < np.minimum(1.0, history.errors * np.exp(0.7 * long))
    a, b = ((1 / history.taste - 1) * one for one in (history.level, 1 - history.level))
    gives = np.where(rng.random(people) < history.raters, history.rate, history.seldom)
    thumbs = np.where(rng.random(n) < gives[who], rng.random(n) < rng.beta(a, b, people)[who], np.nan)
    limit = float(np.quantile(latency[at < 0], QUANTILE))
    return Requests(who, at, np.exp(long), failed.astype(float), thumbs, (latency > limit).astype(float))


def _times(rng: Generator, history: History) -> tuple[Ints, Floats]:
    """Who sent each request, and when, in days since the start."""
    people = history.people
    joined = DURING - rng.random(people) * history.joined
    left = joined + rng.exponential(history.stays, people)
    rate = history.visits * np.exp(history.spread * rng.standard_normal(people))
    who, at = [], []
    for start, end in ((-BEFORE, 0.0), (0.0, DURING)):
        opens, closes = np.clip(joined, start, end), np.clip(left, start, end)
        now = rate * np.exp(history.drift * rng.standard_normal(people))
        visits = rng.poisson(now * np.maximum(0.0, closes - opens))
        opens, closes = np.repeat(opens, visits), np.repeat(closes, visits)
        sent = rng.geometric(1 / history.requests, len(opens))
        who.append(np.repeat(np.repeat(np.arange(people), visits), sent))
        at.append(np.repeat(opens + rng.random(len(opens)) * (closes - opens), sent))
    return np.concatenate(who), np.concatenate(at)
