"""Lines on corpus BLEU: a few answers are worthless, the others differ either way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import cache, partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.gate_trials.corpus import runs_of_scores
from benchmarks.gate_trials.lines import PROMISE
from benchmarks.gate_trials.real_path import agree, turned
from benchmarks.trials.trial import Floats, Measures, Target, Trial
from evaluators.comparison.compare import corpus_interval
from evaluators.comparison.levels import CaseFigure
from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.metric_catalogue import of_stat
from evaluators.scoring.metrics.bleu import build, corpus_bleu, reach_of_corpus
from fairtrial.domain.promises import ONE_SIDED_95
from fairtrial.domain.run import Score

SIZES = (28, 80, 200)
ORDER = 4
TOLD_BY = 200_000
"""Cases whose BLEU is taken for that of all cases there could be."""
[STAT] = build({}, "m").stats


def answers(rng: Generator, n: int, worthless: float) -> tuple[Floats, Floats]:
    """Counts of matching 1- to 4-grams, then their totals, of candidate and baseline: (n, 8) each."""
    length = 8 + rng.poisson(10, n)
    totals = np.maximum(length[:, np.newaxis] - np.arange(ORDER), 0)
    quality = rng.beta(5, 3, n)
    sides = []
    for _ in range(2):
        drawn = rng.binomial(totals, quality[:, np.newaxis] ** (1 + 0.6 * np.arange(ORDER)))
        sides.append(np.minimum.accumulate(drawn, axis=1))
    new = np.where((rng.random(n) < 0.5)[:, np.newaxis], sides[1], sides[0])
    new[rng.random(n) < worthless] = 0
    both = [np.hstack([side, totals]).astype(np.float64) for side in (new, sides[0])]
    return both[0], both[1]


def bleu(rows: Floats) -> Callable[[NDArray[np.intp]], float | None]:
    """BLEU of answers as long as their references, as a function of the indices of cases."""

    def figure(some: NDArray[np.intp]) -> float | None:
        sums = rows[some].sum(axis=0)
        matches, totals = sums[:ORDER], sums[ORDER:]
        return float(100 * np.exp(np.log(matches / totals).mean())) if matches.all() else None

    return figure


@cache
def margin_of(worthless: float) -> float:
    new, old = answers(np.random.default_rng(7), TOLD_BY, worthless)
    every = np.arange(TOLD_BY)
    return (bleu(old)(every) or 0.0) - (bleu(new)(every) or 0.0)


def lines(rng: Generator, count: int, *, worthless: float) -> Measures:
    """What a line says whose margin is just what is lost, and what it says of half and of twice as much."""
    margin, measure = margin_of(worthless), of_stat("m", STAT)
    test = VersusBaseline("not worse", "base", margin, "pp")
    found: dict[str, list[bool]] = defaultdict(list)
    for n in SIZES:
        for at in range(count):
            for kind, share in (("margin", 1.0), ("equal", 0.0), ("half", 0.5), ("twice", 2.0)):
                sides = answers(rng, n, worthless * share)
                scores = [[score(row) for row in side] for side in sides]
                reach = reach_of_corpus([one.details for one in scores[0]])
                new, old = ((CaseFigure(bleu(side)), reach) for side in sides)
                low, high = turned(corpus_interval(new, old, 1.0, n, None, scale=100.0, level=ONE_SIDED_95), 1)
                if kind == "margin" and at == 0:
                    assert np.isclose(corpus_bleu(scores[0]), bleu(sides[0])(np.arange(n)) or 0.0)
                    agree(measure, runs_of_scores(scores[0], scores[1]), low, -margin, test)
                found[f"{n}: {kind}"].append(high < -margin if kind == "twice" else low > -margin)
                if kind == "margin":
                    found[f"{n}: block"].append(high < -margin)
                if kind == "equal":
                    found[f"{n}: better"].append(low > 0)
    return {key: np.array(each) for key, each in found.items()}


def score(row: Floats) -> Score:
    """One answer's score as the scorer keeps it."""
    counts = [int(one) for one in row]
    details = {"counts": counts[:ORDER], "totals": counts[ORDER:], "sys_len": counts[ORDER], "ref_len": counts[ORDER]}
    return Score("m", {"corpus": 0.0}, details)


def of(worthless: float) -> Trial:
    found: list[Target] = []
    for n in SIZES:
        found += [
            Target(f"{n}: margin", f"n = {n}: worse by the margin, passes", at_most=PROMISE),
            Target(f"{n}: block", f"n = {n}: worse by just the margin, fails", at_most=PROMISE),
            Target(f"{n}: better", f"n = {n}: equal, called better", at_most=PROMISE),
            Target(f"{n}: equal", f"n = {n}: equal, passes"),
            Target(f"{n}: half", f"n = {n}: worse by half the margin, passes"),
            Target(f"{n}: twice", f"n = {n}: worse by twice the margin, fails"),
        ]
    process = f"sentences of about 18 words, half of the answers differ, and {worthless:.0%} have no word right"
    what = f"Corpus BLEU, not worse by what {worthless:.0%} worthless answers make"
    name, simulate = f"corpus-bleu-{round(100 * worthless)}%", partial(lines, worthless=worthless)
    return Trial(name, what, process, simulate, tuple(found), block=50)


TRIALS = (of(0.05), of(0.15))
