"""Few reviewers whose tastes differ: how often blind votes prefer one of two models that are equal."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.trials.trial import Measures, Target, Trial
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.review.preference import win_rate
from fairtrial.stats.review.ratings import mean_rating

TIES, LEANING = 0.2, 1.0
"""The share of ties, and the sd over pairs of the log odds that a pair is judged for the candidate."""
KEEN = 4.0
"""How many times as often the first reviewer takes a pair, where reviewers are unequal."""
SPAN = 4.0


def simulate(rng: Generator, paths: int, *, people: int, pairs: int, votes: int, taste: float, keen: float) -> Measures:
    """Whether "better" is shown, read in general and among these reviewers, on votes and on marks."""
    shown = np.zeros((4, paths))
    for path in range(paths):
        items, who = judged(rng, people, pairs, votes, keen)
        odds = rng.normal(0, taste, people)[who] + rng.normal(0, LEANING, pairs)[items]
        values = np.where(rng.random(len(who)) < TIES, 0.5, (rng.random(len(who)) < expit(odds)).astype(np.float64))
        marks = np.clip(np.rint(odds / 2 + rng.normal(0, 1, len(who))), -SPAN, SPAN)
        names = [str(item) for item in items], [str(one) for one in who]
        for row, general in ((0, True), (1, False)):
            shown[row, path] = better(win_rate(values, *names, general=general), 0.5)
            shown[row + 2, path] = better(mean_rating(marks, *names, span=SPAN, general=general, level=0.90), 0.0)
    return dict(zip(("votes", "votes among", "marks", "marks among"), shown, strict=True))


def judged(
    rng: Generator, people: int, pairs: int, votes: int, keen: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pair and the reviewer of each vote; each pair has that many different reviewers."""
    weights = np.log(np.array([keen, *[1.0] * (people - 1)]))
    chosen = np.argsort(-(weights + rng.gumbel(size=(pairs, people))), axis=1)[:, :votes]
    return np.repeat(np.arange(pairs), chosen.shape[1]), chosen.ravel()


def better(interval: Estimate | NotEnough, even: float) -> bool:
    return isinstance(interval, Estimate) and interval.low > even


def trial(people: int, taste: float, *, pairs: int = 60, votes: int = 3, keen: float = 1.0) -> Trial:
    unequal = f"; one takes {keen:g} times as many" if keen > 1 else ""
    return Trial(
        f"reviewers-{people}-{taste:g}-{pairs}{'-keen' * (keen > 1)}",
        "A/A: few reviewers whose tastes differ",
        f"{people} reviewers with tastes of sd {taste:g} in log odds; {pairs} pairs, {votes} votes each{unequal}",
        partial(simulate, people=people, taste=taste, pairs=pairs, votes=votes, keen=keen),
        (
            Target("votes", "win_rate shows better", at_most=0.06),
            Target("votes among", "the same, read as among these reviewers"),
            Target("marks", "mean_rating shows better", at_most=0.06),
            Target("marks among", "the same, read as among these reviewers"),
        ),
    )


TRIALS = (
    *(trial(people, taste) for people in (3, 5, 8, 12) for taste in (0.0, 0.5, 1.0)),
    *(trial(people, 1.0, pairs=150) for people in (3, 8)),
    *(trial(people, 1.0, pairs=40, votes=1, keen=KEEN) for people in (3, 5, 8, 12)),
)
