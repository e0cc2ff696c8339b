"""Computes how often a model that equals its base would pass or fail a gate, and which rules prevent it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt
from pathlib import Path
from statistics import NormalDist

import numpy as np

from evaluators.comparison.pairing import pair
from evaluators.criteria.grammar import Rule, Threshold, VersusBaseline
from evaluators.criteria.metric_catalogue import measure_of
from evaluators.criteria.validation import limit_of, scopes_of
from evaluators.gate.file import load
from evaluators.gate.multiplicity import first_levels
from evaluators.gate.rules import better_rules, family_of
from evaluators.gate.simulation.lines import (
    LineGroup,
    SimulatedLine,
    assumed_groups,
    cases_inside,
    lines_of,
    runs_of,
    size_of,
    why_not_simulated,
)
from evaluators.gate.simulation.trials import (
    TRIALS_OF_EACH,
    TrialResults,
    simulate,
    simulate_other_runs,
    trials_of,
    worse_passes,
)
from evaluators.gate.threshold_rule import SHORTFALL, WORTH_REPORTING, cases_to_exclude_luck, chance_to_pass
from evaluators.trial import Trial
from fairtrial.domain.errors import Diagnostic
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.promises import ALPHA
from fairtrial.domain.verdicts.odds import ASSUMED, Odds
from fairtrial.domain.wording import counted
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
    groups: Sequence[LineGroup]
    reasons: Sequence[str]
    cases: int
    share: Estimate


def odds_of(rules: Sequence[Rule], trial: Trial, *, seed: int = 0) -> Odds | None:
    """The odds for an identical model, simulated from the runs of this trial; ``None`` if nothing is compared.

    In each of many trials, the cases are drawn anew from those that lie in the same slices. Candidate and base swap the
    results of each case with probability one half, in all measures at once. This simulates a model that equals the base
    and differs from it in as many cases on average. Cases of a cluster swap together. Counts, totals, corpus figures,
    reviews and live lines are taken as met, and the looks are first looks. The bounds are those of other runs that
    could have been seen: each has as many cases, drawn anew from these.
    """
    simulation = _of_runs(rules, trial) if trial.alpha == ALPHA else None  # the trials are simulated at the usual level
    return None if simulation is None else _odds(simulation, seed)[0]


def gate_odds(
    rules: Sequence[Rule], trial: Trial, *, seed: int = 0, on_rule: Callable[[], None] = lambda: None
) -> GateOdds | None:
    """The same odds, from the same trials, with each rule's own share; ``on_rule`` is called after each rule."""
    simulation = _of_runs(rules, trial)
    if simulation is None:
        return None
    odds, results = _odds(simulation, seed)
    passed = results.passed
    alone = []
    for number in range(len(rules)):
        alone.append(_rule_odds(simulation, number, float(passed[:, number].mean()), seed))
        on_rule()
    better = np.array([rule_odds.requires_better for rule_odds in alone])
    without = float(passed[:, ~better].all(axis=1).mean()) if better.any() else None
    return GateOdds(odds, len(passed), _error(odds.ship, len(passed)), tuple(alone), without)


def _rule_odds(simulation: _Simulation, number: int, passes: float, seed: int) -> RuleOdds:
    rule, reason = simulation.rules[number], simulation.reasons[number]
    if reason:
        return RuleOdds(rule.text, rule.source, taken_as_met=reason)
    groups = [only for group in simulation.groups if (only := group.only(number)).lines]
    lines = [line for group in groups for line in group.lines]
    test, trials = rule.line.test, trials_of(simulation.groups)
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


def _worse(lines: Sequence[SimulatedLine], times: float, trials: int, seed: int) -> float | None:
    """The highest chance, over the slices, that a model passes which is worse by so many margins in one slice."""
    chances = [worse_passes(line, times, trials, np.random.default_rng(seed)) for line in lines]
    return max((chance for chance in chances if chance is not None), default=None)


def _of_runs(rules: Sequence[Rule], trial: Trial) -> _Simulation | None:
    groups: dict[str, LineGroup] = {}
    reasons = [why_not_simulated(rule, trial) for rule in rules]
    differing, of, cases = 0, 0, 0
    counted_suites: set[str] = set()
    levels = _levels(rules)
    for number, (rule, reason) in enumerate(zip(rules, reasons, strict=True)):
        runs, measure, name = runs_of(rule, trial), measure_of(rule.suite, rule.line.metric), rule.suite.name
        if reason or runs is None or measure is None:
            continue
        group = groups.setdefault(name, LineGroup(size_of(runs[0])))
        lines = lines_of(number, rule, runs, alpha=levels[number])
        shared = trial.candidates > 1 and better_rules([rule])
        group.lines += (replace(line, upper=1 - trial.better_alpha) if shared else line for line in lines)
        whole = pair(measure, *runs)
        cases = max(cases, whole.n)
        if isinstance(rule.line.test, VersusBaseline) and name not in counted_suites:
            counted_suites.add(name)
            differing, of = differing + int(np.count_nonzero(whole.differences)), of + whole.n
    share = wilson(differing, of)
    if not isinstance(share, Estimate):
        return None
    return _Simulation(rules, list(groups.values()), reasons, cases, share)


def _levels(rules: Sequence[Rule]) -> list[float]:
    """The level at which a failure of each rule stands."""
    return first_levels([(family_of(rule), len(scopes_of(rule.suite, rule.line.scope))) for rule in rules])


def assumed_odds(rules: Sequence[Rule], *, seed: int = 0) -> list[Odds]:
    """The odds before anything is run, for each share of differing 0/1 answers in `SHARES`.

    Floors are taken as met, and metrics as independent.
    """
    odds = []
    for share in SHARES:
        groups = list(assumed_groups(rules, share, _levels(rules), np.random.default_rng(seed)))
        if groups:
            cases = max(group.size for group in groups)
            assumed = Estimate(share, share, share, 1.0, cases, ASSUMED)
            odds.append(_odds(_Simulation(rules, groups, (), cases, assumed), seed)[0])
    return odds


def weakest_floor(rules: Sequence[Rule]) -> str:
    """A warning on the floor without `sure` that a worse model passes most often; "" if the risk is low."""
    floors: list[tuple[float, str]] = []
    for rule in rules:
        test, measure = rule.line.test, measure_of(rule.suite, rule.line.metric)
        if not isinstance(test, Threshold) or test.sure or test.operator != ">=" or measure is None:
            continue
        limit = limit_of(test, measure) / measure.scale
        if measure.kind != "proportion" or not SHORTFALL < limit <= 1:
            continue
        for scope in scopes_of(rule.suite, rule.line.scope):
            n = int(cases_inside(rule.suite, scope, measure.scorer).sum())
            chance = chance_to_pass(limit, n) if n else 0.0
            advice = f"add 'sure', or use about {cases_to_exclude_luck(limit, n):,} cases" if chance else ""
            worse = f"{100 * (limit - SHORTFALL):.4g} %"
            text = f"{rule.text!r} ({counted(n, 'case')}) passes a model at {worse} in {100 * chance:.0f}"
            floors.append((chance, f"{text} of 100 trials ({advice})"))
    chance, sentence = max(floors, default=(0.0, ""))
    return sentence if chance > WORTH_REPORTING else ""


def inspect(path: Path) -> tuple[str, list[Diagnostic]]:
    """A summary of a valid gate, and its notices; raises `ConfigError` with all errors."""
    gate = load(path)
    rules = len(gate.rules) + len(gate.external)
    suites = ", ".join(suite.name for suite in gate.suites) or "none"
    odds = "".join(f"; {text}" for text in (*assumed_odds(gate.rules), weakest_floor(gate.rules)) if str(text))
    return f"{gate.name}: {rules} rule{'' if rules == 1 else 's'}; suites: {suites}{odds}", list(gate.notices)


def _odds(simulation: _Simulation, seed: int) -> tuple[Odds, TrialResults]:
    groups, rules = simulation.groups, len(simulation.rules)
    results = simulate(groups, rules, np.random.default_rng(seed), failures=True)
    factor, more = _more(groups, results.ship, seed) if simulation.cases else (None, None)
    more_cases = None if factor is None else ceil(factor * simulation.cases)
    odds = Odds(results.ship, simulation.cases, simulation.share, more_cases, more)
    invalid = np.array(
        [rule.line.metric == "errors" and isinstance(rule.line.test, Threshold) for rule in simulation.rules]
    )
    others: list[TrialResults] = []
    if simulation.share.method != ASSUMED:
        others += simulate_other_runs(groups, rules, np.random.default_rng([seed, 1]))
    block, trials = results.block(invalid), len(results.passed)
    ship = _bounds(results.ship, trials, [other_results.ship for other_results in others])
    blocked = _bounds(block, trials, [other_results.block(invalid) for other_results in others])
    return replace(
        odds, block=block, ship_low=ship[0], ship_high=ship[1], block_low=blocked[0], block_high=blocked[1]
    ), results


def _bounds(share: float, trials: int, others: Sequence[float]) -> tuple[float, float]:
    """The 90 % interval of a share: that of its trials or, if it is wider, that of the shares in other runs.

    The shares of other runs also vary because each has few trials; this part of their variance is removed.
    """
    z2 = NormalDist().inv_cdf(0.95) ** 2  # Agresti & Coull's interval, without scipy, which is slow to load
    middle = (share * trials + z2 / 2) / (trials + z2)
    half = sqrt(z2 * middle * (1 - middle) / (trials + z2))
    low, high = min(share, middle - half), max(share, middle + half)
    if others:
        chances = np.array(others)
        noise, spread = float((chances * (1 - chances)).mean()) / TRIALS_OF_EACH, float(chances.var(ddof=1))
        factor = sqrt(max(0.0, 1 - noise / spread)) if spread > 0 else 0.0
        least, most = np.quantile(chances.mean() + factor * (chances - chances.mean()), [0.05, 0.95])
        low, high = min(low, float(least)), max(high, float(most))
    return max(0.0, low), min(1.0, high)


def _more(groups: Sequence[LineGroup], ship: float, seed: int) -> tuple[float | None, float | None]:
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


def _all_pass(groups: Sequence[LineGroup], factor: float, seed: int) -> float:
    rules = max((line.rule for group in groups for line in group.lines), default=-1) + 1
    return simulate(groups, rules, np.random.default_rng(seed), factor=factor).ship


def _error(share: float, trials: int) -> float:
    """The standard error of a simulated share."""
    return sqrt(share * (1 - share) / trials)
