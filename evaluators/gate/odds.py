"""How often a model that equals its base would SHIP by a gate: what the gate can see, told before one relies on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

import numpy as np
from numpy.random import Generator

from evaluators.comparison.comparability import what_differs
from evaluators.comparison.pairing import Pairs, pair
from evaluators.criteria.grammar import Level, Versus
from evaluators.criteria.metric_catalogue import Measure, measure_of
from evaluators.criteria.validation import limit_of, margin_of, scopes_of
from evaluators.gate.rules import Rule
from evaluators.gate.threshold_rule import SHORT, WORTH_SAYING, cases_against_luck, luck_of
from evaluators.results.run_table import Floats, Ints, Marks, RunTable, table_of
from evaluators.results.scope import Scope
from evaluators.suite import Suite, tag_values
from evaluators.trial import Trial
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.verdict import ASSUMED, Odds
from fairtrial.stats.intervals import quantile, wilson
from fairtrial.stats.paired.tango import tango_score

TRIALS = 1_000
ENTRIES = 1_000_000
"""Signs of all trials that are drawn at a time."""
MOST_UNITS, FEWEST = 10_000, 100
"""Beyond so many units fewer trials are drawn, down to this number."""
WANTED = 0.9
STEPS = (1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0)
"""Times the present cases that are tried until `WANTED` is reached."""
SHARES = (0.1, 0.2)
"""Shares of differing cases that are assumed before anything was run."""
ONE_SIDED_95, TWO_SIDED_95 = 0.90, 0.95
KINDS = ("proportion", "mean")


@dataclass(frozen=True, slots=True)
class Line:
    """One rule in one slice, with more always better; sums over the cases of each unit that lie in the slice.

    ``gains``: the candidate's values less the baseline's; ``count``: cases; ``middle``: the mean of both sides,
    ``None`` for a comparing line; ``limit``: what must be cleared, by the bound where ``sure``. With ``exact`` the
    score interval of 0/1 cases decides.
    """

    gains: Floats
    count: Floats
    limit: float
    middle: Floats | None = None
    sure: bool = True
    exact: bool = False

    def of(self, units: Ints) -> Line:
        """The line over these units."""
        middle = None if self.middle is None else self.middle[units]
        return replace(self, gains=self.gains[units], count=self.count[units], middle=middle)

    def swapped(self) -> list[Floats]:
        """What changes its sign with a unit: its gain, and for a variance that times its count and its middle."""
        if self.exact or not self.sure:
            return [self.gains]
        middle = np.zeros(len(self.gains)) if self.middle is None else self.middle
        return [self.gains, self.gains * self.count, self.gains * middle]


@dataclass(slots=True)
class Group:
    """The lines of one suite; the ``size`` units (cases, or clusters of them) swap sides each by itself."""

    size: int
    lines: list[Line] = field(default_factory=list)


def odds_of(rules: Sequence[Rule], trial: Trial, *, seed: int = 0) -> Odds | None:
    """The odds of an identical model by the runs of this trial; ``None`` where nothing is compared.

    In each of many trials, candidate and base swap the results of each case with a chance of one half, in all measures
    at once: so does a model that equals the base and differs from it in as many cases. Cases of a cluster swap
    together. Counts, totals, figures of all cases together, reviews and live lines are taken as met.
    """
    groups: dict[str, Group] = {}
    differing, of = 0, 0
    counted: set[str] = set()
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
        if isinstance(rule.line.test, Versus) and rule.suite.name not in counted:
            counted.add(rule.suite.name)
            differing, of = differing + int(np.count_nonzero(whole.differences)), of + whole.n
    share = wilson(differing, of)
    return _odds(list(groups.values()), cases, share, seed) if isinstance(share, Estimate) else None


def assumed_odds(rules: Sequence[Rule], *, seed: int = 0) -> list[Odds]:
    """The same before anything was run, once for each share of `SHARES`: 0/1 answers of which so many differ.

    Floors are taken as met, and metrics as independent of each other.
    """
    found = []
    for share in SHARES:
        groups = list(_assumed(rules, share, np.random.default_rng(seed)))
        if groups:
            cases = max(group.size for group in groups)
            found.append(_odds(groups, cases, Estimate(share, share, share, 1.0, cases, ASSUMED), seed))
    return found


def weakest_floor(rules: Sequence[Rule]) -> str:
    """The floor without `sure` that luck passes most often, in words with what to do; "" where none is worth saying."""
    found: list[tuple[float, str]] = []
    for rule in rules:
        test, measure = rule.line.test, measure_of(rule.suite, rule.line.metric)
        if not isinstance(test, Level) or test.sure or test.operator != ">=" or measure is None:
            continue
        limit = limit_of(test, measure) / measure.scale
        if measure.kind != "proportion" or not SHORT < limit <= 1:
            continue
        for scope in scopes_of(rule.suite, rule.line.scope):
            n = int(_inside(rule.suite, scope).sum())
            chance = luck_of(limit, n) if n else 0.0
            cases = "1 case" if n == 1 else f"{n:,} cases"
            told = f"{rule.text!r} ({cases}) passes a model at {100 * (limit - SHORT):.4g} % in {100 * chance:.0f}"
            advice = f"write sure, or take about {cases_against_luck(limit, n):,} cases" if chance else ""
            found.append((chance, f"{told} of 100 trials ({advice})"))
    chance, says = max(found, default=(0.0, ""))
    return says if chance > WORTH_SAYING else ""


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
    """The share of trials in which all lines pass, with so many times the units, which repeat those that there are."""
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
    """Which trials pass this line; ``sums``: of each of its `Line.swapped`, one for each trial."""
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
    """Whether Tango's lower bound is above the limit; equal counts are looked at once."""
    z = quantile(ONE_SIDED_95)
    kinds, which = np.unique(np.rint((differing + gained) / 2), return_inverse=True)
    told = [tango_score(won, differing - won, n, limit) > z for won in kinds.tolist()]
    return np.array(told, dtype=bool)[which.ravel()]


def _line(rule: Rule, measure: Measure, whole: Pairs, scope: Scope | None) -> Iterator[Line]:
    """The rule in this slice; a case that is not scored on both sides is not in it."""
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
    if isinstance(test, Versus):
        exact = whole.binary and whole.candidate.clusters is None and test.unit != "%"
        yield Line(sums[0], sums[1], _limit(test, measure, whole), exact=exact)
    elif isinstance(test, Level) and test.operator != "==":
        yield Line(sums[0], sums[1], limit_of(test, measure) * measure.sign, sums[2], test.sure)


def _limit(test: Versus, measure: Measure, pairs: Pairs) -> float:
    direction = 1 if test.question == "better" else -1
    if test.margin is not None and test.unit == "%":
        return direction * test.margin / 100 * float(np.abs(pairs.baseline.values).mean()) if pairs.n else 0.0
    return direction * margin_of(test, measure)


def _assumed(rules: Sequence[Rule], share: float, rng: Generator) -> Iterator[Group]:
    """One group for each metric of a suite, whose slices share its cases."""
    groups: dict[tuple[str, str], tuple[Group, Floats]] = {}
    for rule in rules:
        test, cases = rule.line.test, rule.suite.cases
        measure = measure_of(rule.suite, rule.line.metric)
        if not isinstance(test, Versus) or measure is None or measure.kind not in KINDS or not measure.in_points:
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
    """How many clusters the run has, or cases where none is declared."""
    return len(run.case_ids) if run.clusters is None else int(run.clusters.max(initial=0)) + 1


def _runs(rule: Rule, trial: Trial) -> tuple[RunTable, RunTable] | None:
    """Both runs of the rule's suite, where they can be compared and its test compares or is a limit."""
    if not isinstance(rule.line.test, Versus | Level):
        return None
    found = [trial.run_of(rule.suite.name, target) for target in (trial.candidate, trial.baseline)]
    runs = [table_of(run) for run in found if run is not None and run.suite_digest == rule.suite.digest]
    if len(runs) < len(found) or any(run.interrupted for run in runs) or what_differs(*runs):
        return None
    return runs[0], runs[1]
