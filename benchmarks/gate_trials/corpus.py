"""Lines on figures of all cases together: macro recall, macro F1, precision and BLEU."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import cache, partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.gate_trials.lines import PROMISE
from benchmarks.gate_trials.real_path import agree, cases_of, turned
from benchmarks.trials.trial import Measures, Target, Trial
from evaluators.comparison.compare import corpus_interval
from evaluators.comparison.levels import CaseFigure
from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.metric_catalogue import of_stat
from evaluators.scoring.metrics import bleu, label
from fairtrial.domain.promises import ONE_SIDED_95
from fairtrial.domain.run import Answer, Case, CaseResult, Run, Score

Ints = NDArray[np.intp]
LABELS = ("no", "yes")
NO, YES, OFF = range(3)
LABEL = label.build({"of": list(LABELS), "positive": ["yes"]}, "m")
BLEU = bleu.build({}, "m")
STATS = {stat.name: stat for stat in (*LABEL.stats, *BLEU.stats)}
Draw = Callable[[Generator, int, float], tuple[Ints, Ints]]
"""(rng, n, worse) → how candidate and baseline answered, one code a case."""
SIZES: dict[float, tuple[int, ...]] = {0.1: (200, 800, 2_000), 0.5: (40, 160, 400)}
"""Share of positives → sizes at which there are 20, 80 and 200 of them."""
MANY = 500
"""Above so many cases only a quarter of the replications are drawn."""


def figures(name: str, counts: list[float]) -> float | None:
    """The figure of counts: truth no, said no, yes or off-label, then the same of truth yes."""
    true, hits = (sum(counts[:3]), sum(counts[3:])), (counts[0], counts[4])
    said = counts[0] + counts[3], counts[1] + counts[4]
    if name == "precision":
        return hits[YES] / said[YES] if said[YES] else None
    below = true if name == "macro_recall" else ((true[0] + said[0]) / 2, (true[1] + said[1]) / 2)
    met = [hit / all_of for hit, all_of in zip(hits, below, strict=True) if all_of]
    return sum(met) / len(met) if met else None


def figure(name: str, codes: Ints) -> Callable[[Ints], float | None]:
    return lambda some: figures(name, np.bincount(codes[some], minlength=6).tolist())


def reach(name: str, codes: Ints) -> float:
    counts = np.bincount(codes, minlength=6).reshape(2, 3)
    true, said = counts.sum(axis=1), counts[:, :2].sum(axis=0)
    if name == "precision":
        return float(len(codes) / said[YES])
    below = true if name == "macro_recall" else (true + said) / 2
    return float(len(codes) / ((below > 0).sum() * below[below > 0].min()))


def answers(share: float, both_ways: bool) -> Draw:
    """The base finds 90 % of the positives and 95 % of the others; ``worse`` of the positives are lost besides."""

    def draw(rng: Generator, n: int, worse: float) -> tuple[Ints, Ints]:
        truth = (rng.random(n) < share).astype(np.intp)
        right = np.where(truth == YES, 0.9, 0.95)
        old = rng.random(n) < right
        lost = rng.random(n) < np.where(truth == YES, worse / 0.9, 0.0)
        again = rng.random(n) < right if both_ways else old
        codes = [truth * 3 + np.where(hit, truth, 1 - truth) for hit in (again & ~lost, old)]
        return codes[0], codes[1]

    return draw


@cache
def expected(name: str, share: float, worse: float) -> float:
    """The figure of a candidate that finds 90 % less ``worse`` of the positives, in all cases there could be."""
    yes, hit = share, 0.9 - worse
    return figures(name, [0.95 * (1 - yes), 0.05 * (1 - yes), 0.0, yes * (1 - hit), yes * hit, 0.0]) or 0.0


def labels(rng: Generator, count: int, *, name: str, share: float, both_ways: bool, worse: float) -> Measures:
    """What a line says whose margin is just what is lost, and what it says of equal models."""
    draw, measure = answers(share, both_ways), of_stat("m", STATS[name])
    margin = expected(name, share, 0.0) - expected(name, share, worse)
    test = VersusBaseline("not worse", "base", 100 * margin, "pp")
    found: dict[str, list[bool]] = defaultdict(list)
    for n in SIZES[share]:
        for at in range(count if n <= MANY else (count + 3) // 4):
            for kind, lost in (("margin", worse), ("equal", 0.0), ("half", worse / 2), ("twice", 2 * worse)):
                if kind == "equal" and not both_ways:
                    continue
                codes = draw(rng, n, lost)
                sides = [(CaseFigure(figure(name, each)), reach(name, each)) for each in codes]
                bounds = turned(corpus_interval(*sides, 1.0, n, None, scale=1.0, level=ONE_SIDED_95), 1)
                if kind == "margin" and at == 0:
                    agree(measure, label_runs(codes), bounds[0], -margin, test)
                low, high = bounds
                found[f"{n}: {kind}"].append(high < -margin if kind == "twice" else low > -margin)
                if kind == "margin":
                    found[f"{n}: block"].append(high < -margin)
                if kind == "equal":
                    found[f"{n}: better"].append(low > 0)
    return {key: np.array(each) for key, each in found.items()}


def label_runs(codes: tuple[Ints, Ints]) -> tuple[Run, Run]:
    """The runs whose answers are these, scored by the label scorer itself."""
    said = (*LABELS, "neither")
    scores = [
        [LABEL.score(Case("", (), LABELS[code // 3]), Answer(said[code % 3])) for code in each.tolist()]
        for each in codes
    ]
    return runs_of_scores(scores[0], scores[1])


def runs_of_scores(candidate: list[Score], baseline: list[Score]) -> tuple[Run, Run]:
    made = []
    for target, scores in (("candidate", candidate), ("base", baseline)):
        cases = cases_of(len(scores), None, None)
        pairs = zip(cases, scores, strict=True)
        results = tuple(CaseResult(case, 0, Answer("", latency_ms=1.0), "scored", {"m": one}) for case, one in pairs)
        made.append(Run(target, "s", "d", target, target, None, 0, 1, 0, {}, {"m": "1"}, ended_us=1, results=results))
    return made[0], made[1]


def of(name: str, share: float, *, both_ways: bool, worse: float = 0.1) -> Trial:
    found: list[Target] = []
    for n in SIZES[share]:
        start = f"n = {n:,}, {round(n * share)} positives"
        found.append(Target(f"{n}: margin", f"{start}: worse by the margin, passes", at_most=PROMISE))
        found.append(Target(f"{n}: block", f"{start}: worse by just the margin, fails", at_most=PROMISE))
        if both_ways:
            found.append(Target(f"{n}: better", f"{start}: equal, called better", at_most=PROMISE))
            found.append(Target(f"{n}: equal", f"{start}: equal, passes"))
        found.append(Target(f"{n}: half", f"{start}: worse by half the margin, passes"))
        found.append(Target(f"{n}: twice", f"{start}: worse by twice the margin, fails"))
    ways = "errors of both sides apart" if both_ways else "losses only"
    return Trial(
        f"corpus-{name}-{round(100 * share)}%" + ("" if both_ways else "-one-way"),
        f"{name}, not worse by what {100 * worse:g} % of the positives make",
        f"two labels, {share:.0%} positive, {ways}",
        partial(labels, name=name, share=share, both_ways=both_ways, worse=worse),
        tuple(found),
        block=50,
    )


TRIALS = (
    of("macro_recall", 0.1, both_ways=False),
    of("macro_recall", 0.1, both_ways=True),
    of("macro_recall", 0.5, both_ways=False),
    of("macro_f1", 0.1, both_ways=False),
    of("macro_f1", 0.1, both_ways=True),
    of("macro_f1", 0.5, both_ways=True),
    of("precision", 0.1, both_ways=True),
)
