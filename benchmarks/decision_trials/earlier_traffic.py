"""Simulated traffic of users before and during an experiment, and each unit's values of every metric in both.

A unit is a user with a request during the experiment. Its earlier values are those of the 14 days before the start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
BEFORE, DURING, FEEDBACK_DAYS = 14.0, 28.0, 7.0
QUANTILE = 0.95


@dataclass(frozen=True, slots=True)
class History:
    """How people use an application, and what of it lasts.

    ``people``: everybody who is or becomes a user. ``visits``: the median number of visits of a person a day, whose
    logarithm has the deviation ``spread`` between people and ``drift`` within one. ``requests``: the mean number of one
    visit. ``joined``: the days before the end among which people begin, evenly; ``stays``: the mean days of use.
    ``persistent``: the share of the variance of the logarithm of costs and latencies that lies between people.
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
SPREADS = {"cost": 1.0, "latency": 0.6}
"""The standard deviation of the logarithm of a request's cost and latency."""


@dataclass(frozen=True, slots=True)
class Window:
    """What each unit did in a window: its ``requests``, and the mean of each metric, NaN without one.

    ``slow``: its requests beyond the quantile of all latencies.
    """

    requests: Floats
    cost: Floats
    failed: Floats
    thumbs: Floats
    slow: Floats


@dataclass(frozen=True, slots=True)
class Units:
    """All units of an experiment.

    ``before``: the 14 days before the start. ``during``: the whole experiment. ``answered``: the feedback of the first
    seven days of each unit. ``day``: its first 24 hours.
    """

    before: Window
    during: Window
    answered: Window
    day: Window


def draw_units(rng: Generator, history: History) -> Units:
    """Draw everybody's requests, and sum them by unit and window."""
    who, at = _requests(rng, history)
    people, n = history.people, len(who)
    size, speed = rng.standard_normal(people), rng.standard_normal(people)
    lasts, now = history.persistent**0.5, (1 - history.persistent) ** 0.5
    long = lasts * size[who] + now * rng.standard_normal(n)
    slow = (long + lasts * speed[who] + now * rng.standard_normal(n)) / 2**0.5
    values = {"cost": np.exp(SPREADS["cost"] * long), "latency": np.exp(SPREADS["latency"] * slow)}
    failed = rng.random(n) < np.minimum(1.0, history.errors * np.exp(0.7 * long))
    a, b = ((1 / history.taste - 1) * one for one in (history.level, 1 - history.level))
    gives = np.where(rng.random(people) < history.raters, history.rate, history.seldom)
    thumbs = np.where(rng.random(n) < gives[who], rng.random(n) < rng.beta(a, b, people)[who], np.nan)
    first = np.full(people, np.inf)
    np.minimum.at(first, who[at >= 0], at[at >= 0])
    limit = float(np.quantile(values["latency"][at < 0], QUANTILE))
    columns = values["cost"], failed.astype(float), thumbs, (values["latency"] > limit).astype(float)
    units = np.isfinite(first)
    since = at - first[who]
    windows = (at < 0, at >= 0, (at >= 0) & (since <= FEEDBACK_DAYS), (at >= 0) & (since <= 1.0))
    return Units(*(_window(who[one], [column[one] for column in columns], units) for one in windows))


def _requests(rng: Generator, history: History) -> tuple[Ints, Floats]:
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


def _window(who: Ints, columns: list[Floats], units: Bools) -> Window:
    def total(values: Floats) -> Floats:
        return np.bincount(who, values, len(units))[units]

    cost, failed, thumbs, slow = columns
    given = ~np.isnan(thumbs)
    requests, answers = total(np.ones(len(who))), total(given.astype(float))
    with np.errstate(invalid="ignore"):
        return Window(
            requests,
            total(cost) / requests,
            total(failed) / requests,
            total(np.where(given, thumbs, 0.0)) / answers,
            total(slow),
        )
