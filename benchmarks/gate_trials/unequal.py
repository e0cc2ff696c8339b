"""Clusters of unequal sizes: whether first and later looks agree, and how often they are right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy
from numpy.random import Generator

from benchmarks.gate_trials.draws import Draw, overlap, shares, together
from benchmarks.gate_trials.real_path import GRADED, SHARE, pairs_of, runs_of
from benchmarks.trials.trial import Floats, Measures, Target, Trial
from evaluators.comparison.pairing import Pairs
from evaluators.comparison.question import Question
from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.metric_catalogue import Measure
from evaluators.gate.comparison_rule import judge_comparison
from evaluators.results.run_table import table_of
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.verdicts.verdict import Result
from fairtrial.stats.always_valid import at_least
from fairtrial.stats.paired.clustered import clustered_effect
from fairtrial.stats.paired.score_mean import score_mean

MARGIN, PROMISE, AGREE = 0.1, 0.05, 0.95
Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """The line `not worse than base by 10pp` on cases in these clusters."""

    measure: Measure
    sizes: Sizes

    @property
    def names(self) -> list[str]:
        return [f"cluster {at:03d}" for at, size in enumerate(self.sizes) for _ in range(size)]

    def pairs(self, values: tuple[Floats, Floats]) -> Pairs:
        return pairs_of(self.measure, values, self.names)

    def judge(self, pairs: Pairs, *, later: bool) -> Result:
        test = VersusBaseline("not worse", "base", 100 * MARGIN, "pp")
        question = Question(test, self.measure, pairs, later=later, seed=0)
        return question.result_of(question.at_look(0.05), 0.05)

    def agree(self, values: tuple[Floats, Floats], result: Result) -> None:
        """Stops the run unless the whole gate gives this result."""
        new, old = (table_of(run) for run in runs_of(values, self.names))
        test = VersusBaseline("not worse", "base", 100 * MARGIN, "pp")
        found = judge_comparison("", "", test, self.measure, runs=(new, old), scope=None).finding
        if found.result != result:
            raise AssertionError(f"the gate says {found.result!r}, not {result!r}: {found.says}")


def zipf(count: int, cases: int, exponent: float) -> Sizes:
    weights = 1 / np.arange(1, count + 1) ** exponent
    return tuple(np.maximum(1, np.rint(cases * weights / weights.sum())).astype(int).tolist())


def dominated(count: int, cases: int, share: float) -> Sizes:
    """One cluster that holds this share of the cases, and equal ones."""
    largest = round(share * cases)
    size, more = divmod(cases - largest, count - 1)
    return (largest, *(size + (at < more) for at in range(count - 1)))


def looks(rng: Generator, count: int, *, draw: Draw, line: Line) -> Measures:
    """For an identical model and for one that is worse by the margin, what each method says of the same data."""
    found: dict[str, list[bool]] = defaultdict(list)
    cases = sum(line.sizes)
    for delta, name in ((0.0, "equal"), (-MARGIN, "margin"), (-2.5 * MARGIN, "harm")):
        for at in range(count):
            values = draw(rng, cases, delta)
            pairs = line.pairs(values)
            first, later = line.judge(pairs, later=False), line.judge(pairs, later=True)
            if at == 0:
                line.agree(values, first)
            found["agree"].append(first == later)
            wanted = "fail" if name == "harm" else "pass"
            found[f"{name}: first"].append(first == wanted)
            if name == "harm":
                continue
            others = by_others(pairs)
            for method, passes in others.items():
                found[f"{name}: {method}"].append(passes)
    return {name: np.array(each) for name, each in found.items()}


def by_others(pairs: Pairs) -> dict[str, bool]:
    """Whether other methods pass the line: all of them have an error rate of 5 % if clusters are equal and many."""
    differences, clusters = pairs.differences, pairs.candidate.clusters
    score = score_mean(differences, clusters, within=(-1, 1), level=0.90)
    effect = clustered_effect(differences, clusters)
    plain = at_least(effect, tau=MARGIN)
    quantile = float(scipy.special.stdtrit(effect.freedom, 0.95))
    return {
        "score": isinstance(score, Estimate) and score.low > -MARGIN,
        "plain later": isinstance(plain, Estimate) and plain.low > -MARGIN,
        "t": effect.value - quantile * effect.variance**0.5 > -MARGIN,
    }


def follows(rng: Generator, count: int, *, draw: Callable[[Sizes], Draw], line: Line) -> Measures:
    """Whether as many more cases as a HOLD advises, in clusters of the same sizes, settle it at the next look."""
    found: list[float] = []
    while len(found) < count:
        values = draw(line.sizes)(rng, sum(line.sizes), 0.0)
        pairs = line.pairs(values)
        question = Question(VersusBaseline("not worse", "base", 100 * MARGIN, "pp"), line.measure, pairs, False, 0)
        judged = question.at_look(0.05)
        if not isinstance(judged, Estimate) or question.result_of(judged, 0.05) != "cannot tell":
            continue
        advice = question.cases_to_settle(judged, 0.05)
        times = min(20, round(getattr(advice, "total", 0) / pairs.n + 0.49))
        if times < 2:
            continue
        more = replace(line, sizes=line.sizes * times)
        found.append(more.judge(more.pairs(draw(more.sizes)(rng, sum(more.sizes), 0.0)), later=True) == "pass")
    return {"settled": np.array(found)}


def clustered(draw: Draw, alike: float, sizes: Sizes) -> Draw:
    return together(draw, lambda _: list(sizes), alike)[0]


def of(name: str, process: str, draw: Draw, sizes: Sizes, *, alike: float, measure: Measure = SHARE) -> Trial:
    targets = (
        Target("agree", "first and later look give the same result", at_least=AGREE),
        Target("margin: first", "worse by the margin, passes", at_most=PROMISE),
        Target("equal: first", "an identical model passes"),
        Target("harm: first", "worse by 25 points, fails"),
        Target("equal: plain later", "the bound of later looks without the hypothesis' variance: identical, passes"),
        Target("margin: plain later", "the same: worse by the margin, passes"),
        Target("equal: t", "clustered standard errors with t: identical, passes"),
        Target("margin: t", "the same: worse by the margin, passes"),
        Target("equal: score", "the score interval: identical, passes"),
    )
    line = Line(measure, sizes)
    return Trial(
        f"unequal-{name}-{alike:g}",
        "Clusters of unequal sizes, `not worse than base by 10pp`",
        f"{process}; a case repeats the first of its cluster with chance {alike:g}",
        partial(looks, draw=clustered(draw, alike, sizes), line=line),
        targets,
        block=50,
        most=200,
    )


TWO_WAYS, ONE_WAY = shares(0.8, 0.2), shares(0.8, 0.0)
SHAPES = {
    "zipf-40": ("400 cases in 40 clusters of Zipf sizes", zipf(40, 400, 1.0)),
    "zipf-100": ("1,000 cases in 100 clusters of Zipf sizes", zipf(100, 1_000, 1.0)),
    "dominated-40": ("400 cases, 40 % in one of 40 clusters", dominated(40, 400, 0.4)),
    "tenth-100": ("1,000 cases, 10 % in one of 100 clusters", dominated(100, 1_000, 0.1)),
    "tenth-single": ("400 cases, 40 in one cluster, the others alone", (40, *[1] * 360)),
}
TRIALS = (
    *(
        of(f"{name}-{kind}", f"{what}; {how}", draw, sizes, alike=alike, measure=measure)
        for name, (what, sizes) in SHAPES.items()
        for kind, how, draw, measure in (
            ("two-ways", "0/1, 20 % discordant", TWO_WAYS, SHARE),
            ("f1", "F1 of a few words", overlap, GRADED),
        )
        for alike in (0.3, 0.7)
    ),
    *(
        of(f"{name}-one-way", f"{what}; 0/1, losses only", ONE_WAY, sizes, alike=0.7)
        for name, (what, sizes) in SHAPES.items()
    ),
    Trial(
        "unequal-zipf-steep-one-way",
        "Clusters of unequal sizes, `not worse than base by 10pp`",
        "1,000 cases in 100 clusters of Zipf sizes with exponent 1.25; 0/1, losses only; a known limit",
        partial(looks, draw=clustered(ONE_WAY, 0.7, zipf(100, 1_000, 1.25)), line=Line(SHARE, zipf(100, 1_000, 1.25))),
        (
            Target("agree", "first and later look give the same result", at_least=AGREE),
            Target("margin: first", "worse by the margin, passes"),
            Target("margin: plain later", "the bound of later looks without the hypothesis' variance"),
        ),
        block=50,
        most=200,
    ),
    *(
        Trial(
            f"unequal-{name}-advice",
            "More cases after a HOLD of unequal clusters, as it advises",
            f"{SHAPES[name][0]}; 0/1, 20 % discordant; as many clusters of the same sizes as are advised, rounded up",
            partial(follows, draw=partial(clustered, TWO_WAYS, 0.3), line=Line(SHARE, SHAPES[name][1])),
            (Target("settled", "an identical model passes at the next look", at_least=0.6),),
            block=25,
            most=200,
        )
        for name in ("zipf-40", "dominated-40")
    ),
)
