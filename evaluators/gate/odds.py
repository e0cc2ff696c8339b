"""Simulates how often a model that equals its base would pass a gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

import numpy as np
from numpy.random import Generator

from evaluators.comparison.comparability import differences
from evaluators.comparison.pairing import Pairs, pair
from evaluators.criteria.grammar import Threshold, VersusBaseline
from evaluators.criteria.metric_catalogue import Measure, measure_of
from evaluators.criteria.validation import limit_of, margin_of, scopes_of
from evaluators.gate.rules import Rule
from evaluators.gate.threshold_rule import SHORTFALL, WORTH_REPORTING, cases_to_exclude_luck, chance_to_pass
from evaluators.results.run_table import Floats, Ints, Marks, RunTable, table_of
from evaluators.results.scope import Scope
from evaluators.suite import Suite, tag_values
from evaluators.trial import Trial
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.plurals import counted
from fairtrial.domain.verdict import ASSUMED, Odds
from fairtrial.stats.intervals import quantile, wilson
from fairtrial.stats.paired.tango import tango_score

TRIALS = 1_000
ENTRIES = 1_000_000
"""How many random signs are drawn at a time, over all trials."""
MOST_UNITS, FEWEST = 10_000, 100
"""Above the first number of units fewer trials are drawn, down to the second number."""
WANTED = 0.9
STEPS = (1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0)
"""Multiples of the present number of cases that are tried until `WANTED` is reached."""
SHARES = (0.1, 0.2)
"""Shares of differing cases that are assumed before anything is run."""
ONE_SIDED_95, TWO_SIDED_95 = 0.90, 0.95
KINDS = ("proportion", "mean")


@dataclass(frozen=True, slots=True)
class Line:
    """One rule in one slice, turned so that more is better; arrays have the sum over each unit's cases in the slice.

    ``gains``: candidate − baseline; ``count``: cases; ``middle``: the mean of both sides, ``None`` for a comparison;
    ``limit``: must be cleared, by the bound if ``sure``. With ``exact`` the score interval of 0/1 cases decides.
    """

    gains: Floats
    count: Floats
    limit: float
    middle: Floats | None = None
    sure: bool = True
    exact: bool = False

    def of(self, units: Ints) -> Line:
        """The line restricted to these units."""
        middle = None if self.middle is None else self.middle[units]
        return replace(self, gains=self.gains[units], count=self.count[units], middle=middle)

    def swapped(self) -> list[Floats]:
        """The columns whose sign changes when a unit swaps sides: gains, and their products that a variance needs."""
        if self.exact or not self.sure:
            return [self.gains]
        middle = np.zeros(len(self.gains)) if self.middle is None else self.middle
        return [self.gains, self.gains * self.count, self.gains * middle]


@dataclass(slots=True)
class Group:
    """The lines of one suite; its ``size`` units (cases or clusters) swap sides independently."""

    size: int
    lines: list[Line] = field(default_factory=list)


def odds_of(rules: Sequence[Rule], trial: Trial, *, seed: int = 0) -> Odds | None:
    """The odds for an identical model, simulated from the runs of this trial; ``None`` if nothing is compared.

    In each of many trials, candidate and base swap the results of each case with probability one half, in all measures
    at once. This simulates a model that equals the base and differs from it in as many cases. Cases of a cluster swap
    together. Counts, totals, corpus figures, reviews and live lines are taken as met.
    """
    groups: dict[str, Group] = {}
    differing, of = 0, 0
    suites_counted: set[str] = set()
    cases = 0
    for rule in rules:
        runs, measure = _runs(rule, trial), measure_of(rule.suite, rule.line.metric)
        if runs is None or measure is None or measure.kind not in KINDS:
            continue
        whole = pair(measure, *runs)
        group = groups.setdefault(rule.suite.name, Group(_units_of(runs[0])))
        group.lines += [
            line for scope in scopes_of(rule.suite, rule.line.scope) for line in _line(rule, measure, whole, scope)
        ]
        cases = max(cases, whole.n)
        if isinstance(rule.line.test, VersusBaseline) and rule.suite.name not in suites_counted:
            suites_counted.add(rule.suite.name)
            differing, of = differing + int(np.count_nonzero(whole.differences)), of + whole.n
    share = wilson(differing, of)
    return _odds(list(groups.values()), cases, share, seed) if isinstance(share, Estimate) else None


def assumed_odds(rules: Sequence[Rule], *, seed: int = 0) -> list[Odds]:
    """The odds before anything is run, for each share of differing 0/1 answers in `SHARES`.

    Floors are taken as met, and metrics as independent.
    """
    found = []
    for share in SHARES:
        groups = list(_assumed(rules, share, np.random.default_rng(seed)))
        if groups:
            cases = max(group.size for group in groups)
            found.append(_odds(groups, cases, Estimate(share, share, share, 1.0, cases, ASSUMED), seed))
    return found


def weakest_floor(rules: Sequence[Rule]) -> str:
    """A warning on the floor without `sure` that a worse model passes most often; "" if the risk is low."""
    found: list[tuple[float, str]] = []
    for rule in rules:
        test, measure = rule.line.test, measure_of(rule.suite, rule.line.metric)
        if not isinstance(test, Threshold) or test.sure or test.operator != ">=" or measure is None:
            continue
        limit = limit_of(test, measure) / measure.scale
        if measure.kind != "proportion" or not SHORTFALL < limit <= 1:
            continue
        for scope in scopes_of(rule.suite, rule.line.scope):
            n = int(_inside(rule.suite, scope).sum())
            chance = chance_to_pass(limit, n) if n else 0.0
            advice = f"add 'sure', or use about {cases_to_exclude_luck(limit, n):,} cases" if chance else ""
            worse = f"{100 * (limit - SHORTFALL):.4g} %"
            text = f"{rule.text!r} ({counted(n, 'case')}) passes a model at {worse} in {100 * chance:.0f}"
            found.append((chance, f"{text} of 100 trials ({advice})"))
    chance, says = max(found, default=(0.0, ""))
    return says if chance > WORTH_REPORTING else ""


def _odds(groups: Sequence[Group], cases: int, share: Estimate, seed: int) -> Odds:
    ship = _ships(groups, 1.0, np.random.default_rng(seed))
    if ship >= WANTED or not cases:
        return Odds(ship, cases, share)
    tried = {}
    low, high = -1, len(STEPS)
    while high - low > 1:
        step = (low + high) // 2
        tried[step] = _ships(groups, STEPS[step], np.random.default_rng(seed))
        low, high = (low, step) if tried[step] >= WANTED else (step, high)
    if high == len(STEPS):
        return Odds(ship, cases, share)
    return Odds(ship, cases, share, ceil(STEPS[high] * cases), tried[high])


def _ships(groups: Sequence[Group], factor: float, rng: Generator) -> float:
    """The share of trials in which all lines pass, with the units repeated to ``factor`` times their number."""
    most = max((round(group.size * factor) for group in groups), default=1)
    trials = TRIALS if most <= MOST_UNITS else max(TRIALS * MOST_UNITS // most, FEWEST)
    passed = np.ones(trials, dtype=bool)
    for group in groups:
        size = max(1, round(group.size * factor))
        units = np.resize(rng.permutation(group.size), size)
        lines = [line.of(units) for line in group.lines]
        columns = np.column_stack([column for line in lines for column in line.swapped()])
        columns = columns[np.any(columns != 0, axis=1)]
        for at in range(0, trials, step := max(1, ENTRIES // max(len(columns), 1))):
            heads = rng.integers(0, 2, size=(min(step, trials - at), len(columns)), dtype=np.int8)
            sums = iter(((heads.astype(np.float64) * 2 - 1) @ columns).T)
            for line in lines:
                passed[at : at + len(heads)] &= _passes(line, [next(sums) for _ in line.swapped()])
    return float(passed.mean())


def _passes(line: Line, sums: Sequence[Floats]) -> Marks:
    """Which trials pass this line; ``sums`` has an array for each column of `Line.swapped`."""
    n = float(line.count.sum())
    if not n:
        return np.zeros(len(sums[0]), dtype=bool)
    if line.exact:
        return _score_passes(sums[0], float(np.abs(line.gains).sum()), n, line.limit)
    half = 1.0 if line.middle is None else 0.5
    middle = np.zeros(len(line.gains)) if line.middle is None else line.middle
    bound = mean = (middle.sum() + half * sums[0]) / n
    if line.sure:
        squares = float(middle @ middle) + half**2 * float(line.gains @ line.gains) + 2 * half * sums[2]
        crossed = middle @ line.count + half * sums[1]
        within = squares - 2 * mean * crossed + mean**2 * (line.count @ line.count)
        z = quantile(ONE_SIDED_95 if line.middle is None else TWO_SIDED_95)
        bound = mean - z * np.sqrt(np.maximum(within, 0)) / n
    return np.asarray(bound >= line.limit, dtype=bool)


def _score_passes(gained: Floats, differing: float, n: float, limit: float) -> Marks:
    """Whether Tango's lower bound is above the limit; each distinct count is computed once."""
    z = quantile(ONE_SIDED_95)
    kinds, which = np.unique(np.rint((differing + gained) / 2), return_inverse=True)
    passes = [tango_score(won, differing - won, n, limit) > z for won in kinds.tolist()]
    return np.array(passes, dtype=bool)[which.ravel()]


def _line(rule: Rule, measure: Measure, whole: Pairs, scope: Scope | None) -> Iterator[Line]:
    """The rule in this slice, without cases that are not scored on both sides."""
    test, run = rule.line.test, whole.candidate.run
    cases, marks = whole.candidate.cases, whole.candidate.run.in_scope(scope)
    inside = np.ones(whole.n) if marks is None else marks[cases].astype(np.float64)
    units = cases if run.clusters is None else run.clusters[cases]
    sums: list[Floats] = [
        np.bincount(units, weights=weights * inside, minlength=_units_of(run)).astype(np.float64)
        for weights in (
            whole.differences * measure.sign,
            np.ones(whole.n),
            (whole.candidate.values + whole.baseline.values) / 2 * measure.sign,
        )
    ]
    if isinstance(test, VersusBaseline):
        exact = whole.binary and whole.candidate.clusters is None and test.unit != "%"
        yield Line(sums[0], sums[1], _limit(test, measure, whole), exact=exact)
    elif isinstance(test, Threshold) and test.operator != "==":
        yield Line(sums[0], sums[1], limit_of(test, measure) * measure.sign, sums[2], test.sure)


def _limit(test: VersusBaseline, measure: Measure, pairs: Pairs) -> float:
    direction = 1 if test.question == "better" else -1
    if test.margin is not None and test.unit == "%":
        return direction * test.margin / 100 * float(np.abs(pairs.baseline.values).mean()) if pairs.n else 0.0
    return direction * margin_of(test, measure)


def _assumed(rules: Sequence[Rule], share: float, rng: Generator) -> Iterator[Group]:
    """One group for each metric of a suite; its slices share the cases."""
    groups: dict[tuple[str, str], tuple[Group, Floats]] = {}
    for rule in rules:
        test, cases = rule.line.test, rule.suite.cases
        measure = measure_of(rule.suite, rule.line.metric)
        if (
            not isinstance(test, VersusBaseline)
            or measure is None
            or measure.kind not in KINDS
            or not measure.in_points
        ):
            continue
        name = rule.suite.name, measure.name
        if name not in groups:
            differs = rng.permutation(len(cases)) < round(share * len(cases))
            groups[name] = Group(len(cases)), differs.astype(np.float64)
        group, differing = groups[name]
        limit = (1 if test.question == "better" else -1) * (test.margin or 0.0) / 100
        for scope in scopes_of(rule.suite, rule.line.scope):
            inside = _inside(rule.suite, scope)
            group.lines.append(Line(differing * inside, inside, limit, exact=True))
    yield from (group for group, _ in groups.values())


def _inside(suite: Suite, scope: Scope | None) -> Floats:
    if scope is None:
        return np.ones(len(suite.cases))
    return np.array([float(scope.value in tag_values(case, scope.tag)) for case in suite.cases])


def _units_of(run: RunTable) -> int:
    """How many clusters the run has, or cases if none is declared."""
    return len(run.case_ids) if run.clusters is None else int(run.clusters.max(initial=0)) + 1


def _runs(rule: Rule, trial: Trial) -> tuple[RunTable, RunTable] | None:
    """Both runs of the rule's suite, if they are comparable and the rule is a comparison or a threshold."""
    if not isinstance(rule.line.test, VersusBaseline | Threshold):
        return None
    found = [trial.run_of(rule.suite.name, target) for target in (trial.candidate, trial.baseline)]
    runs = [table_of(run) for run in found if run is not None and run.suite_digest == rule.suite.digest]
    if len(runs) < len(found) or any(run.interrupted for run in runs) or differences(*runs):
        return None
    return runs[0], runs[1]
