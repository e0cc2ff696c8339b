"""Few reviewers whose tastes differ: how often blind votes prefer one of two models that are equal, or not enough."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, stdtrit

from benchmarks.trials.trial import Floats, Measures, Target, Trial
from evaluators.review.statistics import GENERAL, Votes
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import IN_GENERAL
from fairtrial.domain.review import Preference, ReviewedQueue, Vote
from fairtrial.domain.wording import counted
from fairtrial.stats.review.crossed import Clusters, CrossedMean, mean_rating
from fairtrial.stats.review.preference import rate_bounds, win_rate

TIES, LEANING = 0.2, 1.0
"""The share of ties, and the sd over pairs of the log odds that a pair is judged for the candidate."""
KEEN = 4.0
"""How many times as often the first reviewer takes a pair, where reviewers are unequal."""
SPAN = 4.0
AMONG_THEMSELVES = 4_000
"""Replications of reviews below six reviewers, whose interval has exactly its level."""
FEW = 20
"""Of each block, so many reviews below six reviewers go through a line of the gate, which decides none of them."""
EFFECT = 0.9
"""By how much the candidate is better, in log odds, where it is."""
LOST = 0.1
"""By how much the plain method may find a better model more often."""
POINTS = np.linspace(-4, 4, 81)
DENSITY = np.exp(-(POINTS**2) / 2) / np.exp(-(POINTS**2) / 2).sum()
Tastes = Callable[[Generator, int], Floats]
PREFERENCES: dict[float, Preference] = {1.0: "candidate", 0.5: "tie", 0.0: "baseline"}
RULES = {
    "official": "an official gate",
    "rate": "win_rate",
    "read": "win_rate, read for people in general,",
    "plain": "the plain method",
    "welch": "Welch's t over reviewers",
}
MEASURES = (*(f"{rule} {way}" for rule in RULES for way in ("better", "worse")), "lost", "marks")


def rate(taste: Floats | float) -> Floats:
    """The win rate that a reviewer of this taste shows over all pairs."""
    share = expit(np.add.outer(np.atleast_1d(taste), LEANING * POINTS)) @ DENSITY
    return np.asarray(TIES / 2 + (1 - TIES) * share)


def normal(rng: Generator, people: int, *, size: float) -> Floats:
    return rng.normal(0, size, people)


def polarised(rng: Generator, people: int, *, size: float) -> Floats:
    """Each reviewer prefers one of the models by as much as any other reviewer."""
    return size * rng.choice([-1.0, 1.0], people)


def skewed(rng: Generator, people: int, *, size: float) -> Floats:
    """Four in five reviewers prefer the base a little, and the others prefer the candidate a lot."""
    return np.where(rng.random(people) < 0.8, -size, balance(size))


def one_sided(rng: Generator, people: int, *, size: float) -> Floats:
    """Tastes with an exponential tail towards the candidate."""
    return size * rng.exponential(1.0, people) - tail_mean(size)


@cache
def balance(size: float) -> float:
    """The taste of the few with which equal models have a win rate of one half."""
    return float(brentq(lambda few: 0.8 * rate(-size)[0] + 0.2 * rate(few)[0] - 0.5, 0, 20))


@cache
def tail_mean(size: float) -> float:
    tail = -np.log1p(-(np.arange(400) + 0.5) / 400)
    return float(brentq(lambda mean: rate(size * tail - mean).mean() - 0.5, -1, 20))


def simulate(
    rng: Generator, paths: int, *, people: int, pairs: int, votes: int, tastes: Tastes, keen: float, effect: float
) -> Measures:
    """What is shown on votes and on marks, by a line of an official gate, by `win_rate`, and by plain methods.

    An official gate speaks of reviewers in general. Below six, `win_rate` speaks of these reviewers, so that it errs if
    it contradicts their own tastes. The plain method makes reviewers clusters from three on and assumes no others.
    Welch's t has one value for each reviewer, so that it knows nothing of shared pairs.
    """
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(paths):
        items, who = judged(rng, people, pairs, votes, keen)
        taste = tastes(rng, people) + effect
        odds = taste[who] + rng.normal(0, LEANING, pairs)[items]
        values = np.where(rng.random(len(who)) < TIES, 0.5, (rng.random(len(who)) < expit(odds)).astype(np.float64))
        marks = np.rint(np.clip(odds / 2 + rng.normal(0, 1, len(who)), -SPAN, SPAN))
        names = [str(item) for item in items], [str(one) for one in who]
        among = people < IN_GENERAL
        truth, level = (rate(taste)[who].mean(), taste[who].mean() / 2) if among and not effect else (0.5, None)
        low, high = bounds(win_rate(values, *names))
        official = (low, high)
        if among:
            official = in_general(values, *names) if len(found["lost"]) < FEW else (np.nan, np.nan)
        plain = plain_bounds(values, *names)
        welch = student_bounds(np.bincount(who, weights=values) / np.bincount(who))
        for name, (lower, upper), middle in (
            ("official", official, 0.5), ("rate", (low, high), truth), ("read", (low, high), 0.5),
            ("plain", plain, 0.5), ("welch", welch, 0.5),
        ):  # fmt: skip
            found[f"{name} better"].append(np.nan if np.isnan(lower) else lower > middle)
            found[f"{name} worse"].append(np.nan if np.isnan(upper) else upper < middle)
        found["lost"].append(float(plain[0] > 0.5) - float(low > 0.5))
        even = 0.0 if level is None else level
        found["marks"].append(bounds(mean_rating(marks, *names, span=SPAN, level=0.90))[0] > even)
    return {name: np.array(each) for name, each in found.items()}


def plain_bounds(values: Floats, items: list[str], people: list[str]) -> tuple[float, float]:
    """The bounds of the win rate with reviewers as clusters from three on, and without any that are assumed."""
    groups = Clusters.of(items, people)
    mean, variance = float(values.mean()), groups.variance((values - values.mean()) / len(values))
    crossed = CrossedMean(mean, variance, groups.freedom, groups.items, groups.two_way)
    return rate_bounds(crossed, float((values > 0.5).mean()), float((values < 0.5).mean()), level=0.90)


def judged(
    rng: Generator, people: int, pairs: int, votes: int, keen: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pair and the reviewer of each vote; each pair has that many different reviewers."""
    weights = np.log(np.array([keen, *[1.0] * (people - 1)]))
    chosen = np.argsort(-(weights + rng.gumbel(size=(pairs, people))), axis=1)[:, :votes]
    return np.repeat(np.arange(pairs), chosen.shape[1]), chosen.ravel()


def in_general(values: Floats, items: list[str], people: list[str]) -> tuple[float, float]:
    """The bounds of the win rate by a line of an official gate that does not say for whom it speaks."""
    votes = tuple(
        Vote(item, item, one, PREFERENCES[value], {}) for value, item, one in zip(values, items, people, strict=True)
    )
    pairs = len(set(items))
    queue = ReviewedQueue("q", "Which?", "closed", "s", "s", "tuned", "base", "t", "b", pairs, pairs, votes)
    gap = Votes([queue], GENERAL).preference().difference
    return (gap.low + 0.5, gap.high + 0.5) if isinstance(gap, Estimate) else (-np.inf, np.inf)


def student_bounds(means: Floats) -> tuple[float, float]:
    half = float(stdtrit(len(means) - 1, 0.95)) * float(means.std(ddof=1)) / len(means) ** 0.5
    return float(means.mean()) - half, float(means.mean()) + half


def bounds(interval: Estimate | NotEnough) -> tuple[float, float]:
    return (interval.low, interval.high) if isinstance(interval, Estimate) else (-np.inf, np.inf)


def trial(
    people: int,
    tastes: Callable[..., Floats],
    size: float,
    *,
    pairs: int = 60,
    votes: int = 3,
    keen: float = 1.0,
    effect: float = 0.0,
) -> Trial:
    """Without an effect both preferences are wrong."""
    kind = tastes.__name__.replace("_", "-")
    each, unequal = counted(votes, "vote"), f"; one takes {keen:g} times as many" if keen > 1 else ""
    rules = [
        Target(
            f"{rule} {way}",
            f"{words} shows {way}",
            at_most=0.05 if rule in ("official", "rate") and not (effect and way == "better") else None,
        )
        for rule, words in RULES.items()
        if rule not in ("official", "read") or (people < IN_GENERAL and not effect)
        for way in ("better", "worse")
    ]
    if effect and people >= IN_GENERAL:
        rules.append(Target("lost", "found by the plain method and not by win_rate", at_most=LOST))
    rules.append(Target("marks", "mean_rating shows better", at_most=None if effect or tastes is not normal else 0.06))
    return Trial(
        f"reviewers-{people}-{kind}-{size:g}-{pairs}{'-keen' * (keen > 1)}{'-effect' * (effect > 0)}",
        f"Few reviewers whose tastes differ: {'better by ' + format(effect, 'g') if effect else 'A/A'}",
        f"{people} reviewers, {kind} tastes of {size:g} in log odds; {pairs} pairs, {each} each{unequal}",
        partial(
            simulate,
            people=people,
            pairs=pairs,
            votes=votes,
            tastes=partial(tastes, size=size),
            keen=keen,
            effect=effect,
        ),
        tuple(rules),
        most=1_000,
        least=AMONG_THEMSELVES if people < IN_GENERAL and not effect else 0,
    )


SHAPES: tuple[tuple[Callable[..., Floats], float], ...] = (
    (normal, 0.0),
    (normal, 1.0),
    (polarised, 1.0),
    (polarised, 2.0),
    (skewed, 0.5),
    (one_sided, 1.0),
)
WORLDS = SHAPES[1], SHAPES[3], SHAPES[4]
"""Ordinary, polarised and skewed tastes."""
TRIALS = (
    *(trial(people, tastes, size) for people in (3, 6, 8, 12) for tastes, size in SHAPES),
    *(trial(people, tastes, size) for people in (4, 5, 7, 10) for tastes, size in WORLDS),
    *(trial(people, tastes, 1.0, pairs=150) for people in (3, 8) for tastes in (normal, polarised)),
    *(trial(people, normal, 1.0, pairs=40, votes=1, keen=KEEN) for people in (3, 6, 8, 12)),
    trial(6, skewed, 0.5, pairs=150),
    trial(6, one_sided, 2.0),
    *(trial(people, normal, 0.5, effect=EFFECT) for people in (3, 4, 5, 6, 7, 8, 10, 12)),
)
