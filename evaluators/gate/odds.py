"""Computes how often a model that equals its base would pass a gate, and which rules prevent it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.random import Generator

from evaluators.comparison.pairing import pair
from evaluators.criteria.grammar import Threshold, VersusBaseline
from evaluators.criteria.metric_catalogue import measure_of
from evaluators.criteria.validation import limit_of, scopes_of
from evaluators.gate.rules import Rule
from evaluators.gate.simulation.lines import KINDS, Group, Line, lines_of, runs_of, size_of, why_not_simulated
from evaluators.gate.simulation.trials import simulate, trials_of
from evaluators.gate.simulation.worse import worse_passes
from evaluators.gate.threshold_rule import SHORTFALL, WORTH_REPORTING, cases_to_exclude_luck, chance_to_pass
from evaluators.results.run_table import Floats
from evaluators.results.scope import Scope
from evaluators.suite import Suite, applies, tag_values
from evaluators.trial import Trial
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.plurals import counted
from fairtrial.domain.verdict import ASSUMED, Odds
from fairtrial.stats.intervals import wilson

WANTED = 0.9
STEPS = (1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0)
"""Multiples of the present number of cases that are tried until `WANTED` is reached."""
SHARES = (0.1, 0.2)
"""Shares of differing cases that are assumed before anything is run."""


@dataclass(frozen=True, slots=True)
class RuleOdds:
    """How often an identical model passes one rule, with its standard error; ``None`` if the rule is taken as met.

    ``taken_as_met`` says why. ``cases`` and ``differing``: cases of the rule, and units that differ. ``more_cases``
    would raise the share to ``more_passes``, at least 0.9. ``worse_passes`` and ``twice_passes``: how often a model
    that is worse by the margin, or by twice the margin, passes the rule. ``requires_better``: an identical model passes
    only by chance.
    """

    rule: str
    source: str
    passes: float | None = None
    error: float = 0.0
    cases: int = 0
    differing: int = 0
    more_cases: int | None = None
    more_passes: float | None = None
    worse_passes: float | None = None
    twice_passes: float | None = None
    requires_better: bool = False
    taken_as_met: str = ""


@dataclass(frozen=True, slots=True)
class GateOdds:
    """The odds that a verdict shows, with the number of trials, their standard error, and each rule's own share.

    ``without_better``: the share that pass all rules except those that require the candidate to be better.
    """

    odds: Odds
    trials: int
    error: float
    rules: tuple[RuleOdds, ...]
    without_better: float | None = None


@dataclass(frozen=True, slots=True)
class _Simulation:
    """The rules as groups of lines, with the cases of the largest suite and the share of cases that differ."""

    rules: Sequence[Rule]
    groups: Sequence[Group]
    reasons: Sequence[str]
    cases: int
    share: Estimate


def odds_of(rules: Sequence[Rule], trial: Trial, *, seed: int = 0) -> Odds | None:
    """The odds for an identical model, simulated from the runs of this trial; ``None`` if nothing is compared.

    In each of many trials, the cases are drawn anew from those that lie in the same slices. Candidate and base swap the
    results of each case with probability one half, in all measures at once. This simulates a model that equals the base
    and differs from it in as many cases on average. Cases of a cluster swap together. Counts, totals, corpus figures,
    reviews and live lines are taken as met, and the looks are first looks.
    """
    found = _of_runs(rules, trial)
    return None if found is None else _odds(found.groups, found.cases, found.share, seed)


def gate_odds(
    rules: Sequence[Rule], trial: Trial, *, seed: int = 0, on_rule: Callable[[], None] = lambda: None
) -> GateOdds | None:
    """The same odds, from the same trials, with each rule's own share; ``on_rule`` is called after each rule."""
    found = _of_runs(rules, trial)
    if found is None:
        return None
    odds = _odds(found.groups, found.cases, found.share, seed)
    passed = simulate(found.groups, len(rules), np.random.default_rng(seed))
    alone = []
    for number in range(len(rules)):
        alone.append(_rule_odds(found, number, float(passed[:, number].mean()), seed))
        on_rule()
    better = np.array([one.requires_better for one in alone])
    without = float(passed[:, ~better].all(axis=1).mean()) if better.any() else None
    return GateOdds(odds, len(passed), _error(odds.ship, len(passed)), tuple(alone), without)


def _rule_odds(found: _Simulation, number: int, passes: float, seed: int) -> RuleOdds:
    rule, reason = found.rules[number], found.reasons[number]
    if reason:
        return RuleOdds(rule.text, rule.source, taken_as_met=reason)
    groups = [only for group in found.groups if (only := group.only(number)).lines]
    lines = [line for group in groups for line in group.lines]
    test, trials = rule.line.test, trials_of(found.groups)
    better = isinstance(test, VersusBaseline) and test.question == "better"
    factor, share = (None, None) if better else _more(groups, passes, seed)
    cases = max((line.cases for line in lines), default=0)
    return RuleOdds(
        rule.text,
        rule.source,
        passes,
        _error(passes, trials),
        cases,
        max((line.differing for line in lines), default=0),
        None if factor is None else ceil(factor * cases),
        share,
        _worse(lines, 1.0, trials, seed),
        _worse(lines, 2.0, trials, seed),
        better,
    )


def _worse(lines: Sequence[Line], times: float, trials: int, seed: int) -> float | None:
    """How often a model that is worse by so many margins in one slice passes it, where it passes most often."""
    found = [worse_passes(line, times, trials, np.random.default_rng(seed)) for line in lines]
    return max((one for one in found if one is not None), default=None)


def _of_runs(rules: Sequence[Rule], trial: Trial) -> _Simulation | None:
    groups: dict[str, Group] = {}
    reasons = [why_not_simulated(rule, trial) for rule in rules]
    differing, of, cases = 0, 0, 0
    counted_suites: set[str] = set()
    for number, (rule, reason) in enumerate(zip(rules, reasons, strict=True)):
        runs, measure, name = runs_of(rule, trial), measure_of(rule.suite, rule.line.metric), rule.suite.name
        if reason or runs is None or measure is None:
            continue
        group = groups.setdefault(name, Group(size_of(runs[0])))
        group.lines += lines_of(number, rule, runs)
        whole = pair(measure, *runs)
        cases = max(cases, whole.n)
        if isinstance(rule.line.test, VersusBaseline) and name not in counted_suites:
            counted_suites.add(name)
            differing, of = differing + int(np.count_nonzero(whole.differences)), of + whole.n
    share = wilson(differing, of)
    return _Simulation(rules, list(groups.values()), reasons, cases, share) if isinstance(share, Estimate) else None


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
            n = int(_inside(rule.suite, scope, measure.scorer).sum())
            chance = chance_to_pass(limit, n) if n else 0.0
            advice = f"add 'sure', or use about {cases_to_exclude_luck(limit, n):,} cases" if chance else ""
            worse = f"{100 * (limit - SHORTFALL):.4g} %"
            text = f"{rule.text!r} ({counted(n, 'case')}) passes a model at {worse} in {100 * chance:.0f}"
            found.append((chance, f"{text} of 100 trials ({advice})"))
    chance, says = max(found, default=(0.0, ""))
    return says if chance > WORTH_REPORTING else ""


def _odds(groups: Sequence[Group], cases: int, share: Estimate, seed: int) -> Odds:
    ship = _all_pass(groups, 1.0, seed)
    factor, more = _more(groups, ship, seed) if cases else (None, None)
    return Odds(ship, cases, share, None if factor is None else ceil(factor * cases), more)


def _more(groups: Sequence[Group], ship: float, seed: int) -> tuple[float | None, float | None]:
    """The smallest multiple of the cases in `STEPS` that raises the share to `WANTED`, and the share there."""
    if ship >= WANTED:
        return None, None
    tried = {}
    low, high = -1, len(STEPS)
    while high - low > 1:
        step = (low + high) // 2
        tried[step] = _all_pass(groups, STEPS[step], seed)
        low, high = (low, step) if tried[step] >= WANTED else (step, high)
    return (None, None) if high == len(STEPS) else (STEPS[high], tried[high])


def _all_pass(groups: Sequence[Group], factor: float, seed: int) -> float:
    rules = max((line.rule for group in groups for line in group.lines), default=-1) + 1
    passed = simulate(groups, rules, np.random.default_rng(seed), factor=factor)
    return float(passed.all(axis=1).mean())


def _error(share: float, trials: int) -> float:
    """The standard error of a simulated share."""
    return sqrt(share * (1 - share) / trials)


def _assumed(rules: Sequence[Rule], share: float, rng: Generator) -> Iterator[Group]:
    """One group for each metric of a suite; its slices share the cases."""
    groups: dict[tuple[str, str], tuple[Group, Floats]] = {}
    for number, rule in enumerate(rules):
        test, cases = rule.line.test, rule.suite.cases
        measure = measure_of(rule.suite, rule.line.metric)
        if not isinstance(test, VersusBaseline) or measure is None or measure.kind not in KINDS:
            continue
        if not measure.in_points:
            continue
        name = rule.suite.name, measure.name
        if name not in groups:
            differs = rng.permutation(len(cases)) < round(share * len(cases))
            groups[name] = Group(len(cases)), differs.astype(np.float64)
        group, differing = groups[name]
        limit = (1 if test.question == "better" else -1) * (test.margin or 0.0) / 100
        for scope in scopes_of(rule.suite, rule.line.scope):
            inside = _inside(rule.suite, scope, measure.scorer)
            gains, tested = differing * inside, test.margin is None
            group.lines.append(Line(number, gains, -gains, inside, limit, "tango", tested=tested))
    yield from (group for group, _ in groups.values())


def _inside(suite: Suite, scope: Scope | None, scorer: str | None) -> Floats:
    """For each case, 1 if the scorer measures it and it lies in the slice."""
    when = suite.when.get(scorer or "", {})
    return np.array(
        [
            float(applies(when, case) and (scope is None or scope.value in tag_values(case, scope.tag)))
            for case in suite.cases
        ]
    )
