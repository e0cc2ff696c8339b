"""Several candidates beside one base on the same cases: how often a gate blocks or ships what it should not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil

import numpy as np
from numpy.random import Generator

from benchmarks.gate_trials.draws import by, mixed
from benchmarks.gate_trials.families import judged, run_of, suite_of
from benchmarks.trials.trial import Floats, Measures, Target, Trial
from evaluators.gate.file import Gate, gate_of
from evaluators.gate.multiplicity import apply_holm
from evaluators.gate.rules import judge_rule
from evaluators.results.run_table import RunTable, table_of
from evaluators.suite import Suite
from evaluators.trial import Trial as GateTrial
from fairtrial.domain.verdicts.verdict import Decision, decide
from fairtrial.stats.sizes import size_of_pairs

CANDIDATES, REPLICATIONS = 4, 1_000
LEVEL, MARGIN, DIFFERING = 0.8, 0.05, 0.2
PROMISE = 0.05
ALIKE = 0.7
"""The chance that a case repeats the first of its cluster."""
SIZES = (100, 400, 1_000)
FLOOR = LEVEL - MARGIN
NOT_WORSE = (f"m.v0 not worse than base by {100 * MARGIN:g}pp", f"m.v0 >= {FLOOR:g}")
EFFECT, POWER = 0.06, 0.8
"""The planned effect of a better candidate, and the chance to show it for which the cases of its suite are planned."""
BETTER = ("m.v0 better than base", f"m.v0 >= {FLOOR:g}")

Answered = Callable[[Generator, Floats, float], Floats]
"""(rng, base, worse) → a candidate's values on the cases of the base, lower by ``worse`` on average."""


def right_or_wrong(rng: Generator, base: Floats, worse: float) -> Floats:
    """0/1: `DIFFERING` of the cases differ from the base."""
    lost, won = (DIFFERING + worse) / 2 / LEVEL, (DIFFERING - worse) / 2 / (1 - LEVEL)
    differs = rng.random(len(base)) < np.where(base > 0, lost, won)
    return np.where(differs, 1 - base, base)


def graded(rng: Generator, base: Floats, worse: float) -> Floats:
    """Beta(4, 1): 30 % of the answers are drawn again; a worse candidate also loses some cases entirely."""
    again = np.where(rng.random(len(base)) < 0.3, rng.beta(4, 1, len(base)), base)
    return np.where(rng.random(len(base)) < worse / LEVEL, 0.0, again)


def first_base(measure: str, rng: Generator, n: int) -> Floats:
    """The base's values on new cases, `LEVEL` on average."""
    return (rng.random(n) < LEVEL).astype(float) if measure == "proportion" else rng.beta(4, 1, n)


@dataclass(frozen=True)
class Setting:
    """How the base and its candidates answer one suite, and the lines of its gate."""

    of: Suite
    gate: Gate
    template: RunTable
    source: Callable[[Generator], np.ndarray[tuple[int], np.dtype[np.intp]]]
    """For each case, the case whose answers it repeats; itself without clusters."""

    def decision(self, candidate: Floats, base: Floats, *, candidates: int = 1) -> Decision:
        """The gate's decision on its own lines, for one of so many candidates."""
        tables = {"tuned": self._table(candidate), "base": self._table(base)}
        trial = GateTrial("tuned", "base", lambda _, name: tables[name], candidates=candidates)
        results = [result for rule in self.gate.rules for result in judge_rule(rule, trial, rules=self.gate.rules)]
        return decide(apply_holm(results))

    def agree(self, candidate: Floats, base: Floats) -> None:
        """Stop the run unless the whole gate decides the same on whole runs."""
        whole = judged(self.of, candidate[:, None], base[:, None]).decision
        if whole != (found := self.decision(candidate, base)):
            raise AssertionError(f"the gate says {whole} and its lines {found}")

    def _table(self, values: Floats) -> RunTable:
        return replace(self.template, values={"m.v0": values}, _memo={})


def setting(measure: str, lines: Sequence[str], n: int, sizes: Callable[[int], list[int]] | None) -> Setting:
    kind = "proportion" if measure == "proportion" else "mean"
    clusters = tuple(f"c{at}" for at, size in enumerate(sizes(n)) for _ in range(size)) if sizes else None
    of = suite_of(n, lines, 1, kind=kind, clusters=clusters)
    first = np.repeat(np.cumsum([0, *sizes(n)[:-1]]), sizes(n)) if sizes else np.arange(n)

    def source(rng: Generator) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        return np.where(rng.random(n) < ALIKE, first, np.arange(n))

    return Setting(of, gate_of(of), table_of(run_of(of, "m", np.zeros((n, 1)))), source)


def four(
    rng: Generator,
    count: int,
    *,
    measure: str,
    lines: Sequence[str],
    sizes: Callable[[int], list[int]] | None,
    cases: Sequence[int],
) -> Measures:
    """Identical candidates, one that is worse by the margin, and one that is worse by twice as much."""
    answered: Answered = right_or_wrong if measure == "proportion" else graded
    found: dict[str, list[float]] = defaultdict(list)
    for n in cases:
        suite = setting(measure, lines, n, sizes)
        for at in range(count):
            source, base = suite.source(rng), first_base(measure, rng, n)
            worse = (*[0.0] * CANDIDATES, MARGIN, 2 * MARGIN)
            answers = [answered(rng, base, each)[source] for each in worse]
            *equal, margin, harm = (suite.decision(each, base[source], candidates=CANDIDATES) for each in answers)
            if at == 0:
                suite.agree(answers[-1], base[source])
            found[f"{n}: any block"].append("BLOCK" in equal)
            found[f"{n}: one block"].append(equal.count("BLOCK") / CANDIDATES)
            found[f"{n}: equal ship"].append(equal.count("SHIP") / CANDIDATES)
            found[f"{n}: margin ship"].append(margin == "SHIP")
            found[f"{n}: harm block"].append(harm == "BLOCK")
    return {name: np.array(each, dtype=np.float64) for name, each in found.items()}


def cases_for(candidates: int) -> int:
    """The cases that show the planned effect of one of so many candidates with the planned power."""
    return ceil(size_of_pairs(DIFFERING, EFFECT, alpha=PROMISE / candidates, power=POWER, sides=1))


def many(rng: Generator, count: int, *, candidates: int) -> Measures:
    """So many equal candidates and one that is better by the planned effect, on the cases that it needs alone.

    ``matrix``: all of them are judged as one of so many. ``separate``: each is judged as one of those before it, and a
    SHIP stands if it holds among all. ``at once``: a SHIP is promoted before the next candidate is judged.
    """
    alone, shared = cases_for(1), cases_for(candidates)
    suites = {n: setting("proportion", BETTER[:1], n, None) for n in (alone, shared)}
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(count):
        suite, base = suites[alone], first_base("proportion", rng, alone)
        equal = [right_or_wrong(rng, base, 0.0) for _ in range(candidates)]
        first = [suite.decision(answers, base) for answers in equal]
        ships = [(answers, at) for at, answers in enumerate(equal, 1) if first[at - 1] == "SHIP"]
        matrix = [suite.decision(answers, base, candidates=candidates) for answers in equal]
        at_once = [at for answers, at in ships if suite.decision(answers, base, candidates=at) == "SHIP"]
        found["matrix"].append("SHIP" in matrix)
        found["separate"].append(any(matrix[at - 1] == "SHIP" for at in at_once))
        found["at once"].append(bool(at_once))
        found["before"].append(bool(ships))
        found["blocks"].append("BLOCK" in matrix)
        better = right_or_wrong(rng, base, -EFFECT)
        found["power before"].append(suite.decision(better, base) == "SHIP")
        found["power"].append(suite.decision(better, base, candidates=candidates) == "SHIP")
        base = first_base("proportion", rng, shared)
        better = right_or_wrong(rng, base, -EFFECT)
        found["power of the plan"].append(suites[shared].decision(better, base, candidates=candidates) == "SHIP")
    return {name: np.array(each, dtype=np.float64) for name, each in found.items()}


def many_trial(candidates: int) -> Trial:
    alone, shared = cases_for(1), cases_for(candidates)
    effect = f"better by the planned {100 * EFFECT:g} points, SHIP"
    start = f"{candidates} equal candidates, any SHIP"
    found = (
        Target("matrix", f"{start}: judged at one time", at_most=PROMISE),
        Target("separate", f"{start} that stands: judged one after the other", at_most=PROMISE),
        Target("blocks", f"{candidates} equal candidates, any BLOCK", at_most=PROMISE),
        Target("at once", f"{start}: each promoted before the next is judged"),
        Target("before", f"{start}: all at 5 %, as before"),
        Target("power before", f"{alone:,} cases: {effect}, alone at 5 %"),
        Target("power", f"{alone:,} cases: {effect}, as one of {candidates}"),
        Target("power of the plan", f"{shared:,} cases: {effect}, as one of {candidates}"),
    )
    return Trial(
        f"many-candidates-{candidates}",
        f"{candidates} candidates beside one base, `{BETTER[0]}`",
        f"{SHARE}, {alone:,} cases, which give {100 * POWER:g} % power for {100 * EFFECT:g} points at 5 %",
        partial(many, candidates=candidates),
        found,
        block=REPLICATIONS,
        most=REPLICATIONS,
        least=REPLICATIONS,
    )


def targets(cases: Sequence[int]) -> tuple[Target, ...]:
    found: list[Target] = []
    for n in cases:
        start = f"n = {n:,}"
        found += [
            Target(
                f"{n}: any block",
                f"{start}: {CANDIDATES} identical candidates, any BLOCK",
                at_most=PROMISE,
            ),
            Target(f"{n}: one block", f"{start}: an identical candidate, BLOCK", at_most=PROMISE),
            Target(f"{n}: margin ship", f"{start}: worse by the margin, SHIP", at_most=PROMISE),
            Target(f"{n}: harm block", f"{start}: worse by twice the margin, BLOCK"),
            Target(f"{n}: equal ship", f"{start}: an identical candidate, SHIP"),
        ]
    return tuple(found)


def of(
    name: str,
    process: str,
    *,
    measure: str = "proportion",
    lines: Sequence[str] = NOT_WORSE,
    sizes: Callable[[int], list[int]] | None = None,
    cases: Sequence[int] = SIZES,
) -> Trial:
    return Trial(
        f"four-candidates-{name}",
        f"Four candidates beside one base, {' and '.join(f'`{line}`' for line in lines)}",
        process,
        partial(four, measure=measure, lines=lines, sizes=sizes, cases=cases),
        targets(cases),
        block=REPLICATIONS,
        most=REPLICATIONS,
        least=REPLICATIONS,
    )


SHARE = "0/1, the base passes 80 %, 20 % discordant"
TRIALS = (
    of("share", SHARE),
    of("mean", "Beta(4, 1), 30 % of the answers drawn again, some lost", measure="mean", cases=SIZES[:2]),
    of("clusters", f"{SHARE}, clusters of 5", sizes=by(5), cases=SIZES[1:]),
    of("mixed-clusters", f"{SHARE}, clusters of 1, 2, 3, 5 and 10", sizes=mixed, cases=SIZES[1:2]),
    of("better", SHARE, lines=BETTER, cases=SIZES[1:2]),
    of("better-alone", SHARE, lines=BETTER[:1], cases=SIZES[1:2]),
    *map(many_trial, (2, 4, 8)),
)
