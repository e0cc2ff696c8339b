"""Turns assumptions about users and models into simulated trials, and summarises how and when they end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from math import exp, sqrt
from statistics import median
from typing import Literal

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.errors import UsageError
from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.domain.metrics import CATALOGUE, parse_margin
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.promises import HARM_TIMES
from fairtrial.experiments.analysis.freeze import Known, freeze
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.simulation.people import SPREAD, TAIL, SimulatedArm, World
from fairtrial.experiments.simulation.trial import START_US, TrialOutcome, TrialSetting, run_trial
from fairtrial.experiments.simulation.unit_sums import FAILING

Truth = Literal["better", "same", "worse"]
EVERY_US = 12 * HOUR_US
"""How often the simulated monitor looks; the product looks more often, so that it decides a little sooner."""
MOST_UNITS = 500_000
ERRORS = 0.01
"""The share of failed requests unless it is stated. A broken candidate has `HARM_TIMES` as many."""
LEVELS = {"amount": 0.01, "quantile": 1000.0}
"""Levels of costs and latencies that nobody stated; their margins are relative, so that they matter little."""

ENDS = ("ships", "stopped", "worse", "better", "undecided")
"""How a trial ends: it ships; it is stopped for harm; it is called worse, which pauses it unless ``on_worse`` says
otherwise; at its last day it is better (or not worse) without all guardrails proven safe; or it is undecided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioAssumptions:
    """What is assumed about the world.

    ``levels``: of the control, by metric. ``response``: the share of units that give feedback. ``errors``: the shares
    of failed requests of the control and of the others. ``late_days`` and ``silent``, by variant, are as in
    `SimulatedArm`. ``most``: the most requests of a unit; few send many. ``effect``: on the primary metric, as
    ``+10pp`` or ``-5%``.
    """

    per_week: float
    levels: Mapping[str, float] = field(default_factory=dict)
    response: float = 1.0
    errors: tuple[float, float] | None = None
    late_days: Mapping[str, float] = field(default_factory=dict)
    silent: Mapping[str, float] = field(default_factory=dict)
    most: int = 1
    effect: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One truth about the candidate, in words, and what is simulated for it.

    ``moved``: whether the candidate differs from the control in the primary metric.
    """

    name: str
    truth: Truth
    setting: TrialSetting
    moved: bool


def scenarios(plan: Plan, experiment: Experiment, assumed: ScenarioAssumptions) -> tuple[Scenario, ...]:
    """The scenarios of an experiment: the stated one, or better, equal, worse and failing models.

    Raises `UsageError` for what is missing or impossible.
    """
    frozen = freeze(plan, experiment, START_US)
    if frozen.primary is None:
        raise UsageError(f"{experiment.name}: the experiment has no primary metric, so there is nothing to decide")
    _check(frozen, experiment, assumed)
    return tuple(_scenarios(plan, frozen, frozen.primary, assumed))


def _scenarios(
    plan: Plan, frozen: AnalysisPlan, primary: MetricPlan, assumed: ScenarioAssumptions
) -> Iterator[Scenario]:
    level = _level(primary, assumed)
    margin = primary.margin * abs(level) if primary.relative else primary.margin
    if assumed.effect is not None:
        yield _scenario(plan, frozen, assumed, _effect(assumed.effect, primary, level))
        return
    good = 1.0 if primary.better == "higher" else -1.0
    for moved in (good * margin, 0.0, -good * margin):
        yield _scenario(plan, frozen, assumed, moved)
    if assumed.errors is None:
        yield _scenario(plan, frozen, replace(assumed, errors=(ERRORS, HARM_TIMES * ERRORS)), 0.0)


def _scenario(plan: Plan, frozen: AnalysisPlan, assumed: ScenarioAssumptions, moved: float) -> Scenario:
    primary = frozen.primary
    assert primary is not None  # `scenarios` refused it
    base, tuned = assumed.errors or (ERRORS, ERRORS)
    arms = {name: _arm(frozen, assumed, name, base if name == frozen.control else tuned) for name in frozen.shares}
    for name in frozen.treatments:
        arms[name] = _moved(arms[name], primary, moved, _level(primary, assumed))
    good = moved if primary.better == "higher" else -moved
    truth: Truth = "worse" if good < 0 or tuned > base else "better" if good > 0 or tuned < base else "same"
    world = World(per_week=assumed.per_week, arms=arms, habit="heavy" if assumed.most > 1 else "one", most=assumed.most)
    known = {metric.metric: _known(metric, assumed, base) for metric in frozen.metrics}
    setting = TrialSetting(plan=plan, name=frozen.experiment, world=world, known=known, every_us=EVERY_US)
    return Scenario(_words(primary, moved, good, (base, tuned)), truth, setting, moved != 0)


def _words(primary: MetricPlan, moved: float, good: float, errors: tuple[float, float]) -> str:
    share = primary.within == (0.0, 1.0) and primary.method != "quantile"
    size = f"{100 * abs(moved):.3g} points" if share else f"{abs(moved):.3g}"
    first = "no difference" if moved == 0 else f"{'better' if good > 0 else 'worse'} by {size}"
    return first if errors[0] == errors[1] else f"{first}, errors {100 * errors[0]:.3g} → {100 * errors[1]:.3g} %"


def _arm(frozen: AnalysisPlan, assumed: ScenarioAssumptions, name: str, errors: float) -> SimulatedArm:
    feedback = {metric.metric: _level(metric, assumed) for metric in frozen.metrics if metric.method == "feedback"}
    amounts = [metric for metric in frozen.metrics if metric.method == "amount"]
    quantiles = [metric for metric in frozen.metrics if metric.method == "quantile"]
    return SimulatedArm(
        levels=feedback,
        response=assumed.response,
        silent=assumed.silent.get(name, 0.0),
        silent_first=True,
        late_days=assumed.late_days.get(name, assumed.late_days.get("", 0.0)),
        errors=errors,
        cost=_mean_cost(amounts[0], assumed) if amounts else LEVELS["amount"],
        latency_ms=_mean_latency(quantiles[0], assumed) if quantiles else LEVELS["quantile"],
    )


def _moved(arm: SimulatedArm, primary: MetricPlan, moved: float, level: float) -> SimulatedArm:
    """The arm with an effect on its primary metric."""
    after = level + moved
    low, high = (0.0, 1.0) if primary.method in ("shares", "given") else primary.within
    if not low <= after <= high or (primary.method in ("amount", "quantile") and after <= 0):
        raise UsageError(f"{primary.metric}: the effect moves it from {level:g} to {after:g}, which is not possible")
    if primary.method == "feedback":
        return replace(arm, levels={**arm.levels, primary.metric: after})
    if primary.method == "given":
        return replace(arm, response=after)
    if primary.counts_requests:
        return replace(arm, errors=arm.errors + (moved if primary.better == "lower" else -moved))
    if primary.method == "amount":
        return replace(arm, cost=arm.cost * after / level)
    return replace(arm, latency_ms=arm.latency_ms * after / level)


def _effect(text: str, primary: MetricPlan, level: float) -> float:
    sign = -1.0 if text.startswith(("-", "−")) else 1.0
    try:
        margin = parse_margin(text.lstrip("+-−"), zero=True)
    except ValueError:
        raise UsageError(f"{text!r} is not an effect (write it as +10pp, -3pp or -5%)") from None
    if margin.value and not margin.relative and primary.within != (0.0, 1.0):
        raise UsageError(f"{primary.metric} is an amount, so {text!r} must be relative (write it as -5%)")
    return sign * float(margin.value) * (abs(level) if margin.relative else 1.0)


def _known(metric: MetricPlan, assumed: ScenarioAssumptions, errors: float) -> Known:
    if metric.method in ("feedback", "given"):
        return Known(level=_level(metric, assumed) if metric.relative else None, response=assumed.response)
    return Known(level=errors if metric.counts_requests else _level(metric, assumed))


def _level(metric: MetricPlan, assumed: ScenarioAssumptions) -> float:
    """The control's level: as stated here, or in the file, or by default."""
    if metric.metric in assumed.levels:
        return assumed.levels[metric.metric]
    if metric.level is not None:
        return metric.level
    if metric.method == "given":
        return assumed.response
    if metric.counts_requests:
        return (assumed.errors or (ERRORS, ERRORS))[0]
    if metric.method == "feedback" or metric.role == "primary":
        example = "62%" if metric.within == (0.0, 1.0) else "1.8"
        raise UsageError(f"{metric.metric}: give its level today, such as --baseline {metric.metric}={example}")
    return LEVELS[metric.method]


def _mean_cost(metric: MetricPlan, assumed: ScenarioAssumptions) -> float:
    """The mean cost of a request, from the level of a request or of a unit with all its requests."""
    level = _level(metric, assumed)
    if CATALOGUE[metric.metric].per:
        return level
    return float(level / sum(number**-TAIL for number in range(1, assumed.most + 1)))


def _mean_latency(metric: MetricPlan, assumed: ScenarioAssumptions) -> float:
    """The mean latency, from the level of a quantile."""
    z = float(scipy.special.ndtri(CATALOGUE[metric.metric].nu))
    return _level(metric, assumed) / exp(SPREAD * z - SPREAD**2 / 2)


def _check(frozen: AnalysisPlan, experiment: Experiment, assumed: ScenarioAssumptions) -> None:
    """Refuse names of metrics and arms that do not exist, impossible shares, and too many units."""
    metrics = {metric.metric: metric for metric in frozen.metrics}
    for name in sorted(assumed.levels.keys() - metrics):
        raise UsageError(f"{name}: not a metric of {experiment.name} (known: {', '.join(sorted(metrics))})")
    for name in sorted((assumed.late_days.keys() | assumed.silent.keys()) - frozen.shares.keys() - {""}):
        raise UsageError(f"{name}: not a variant of {experiment.name} (known: {', '.join(sorted(frozen.shares))})")
    primary = frozen.primary
    if primary is not None and primary.counts_requests and CATALOGUE[primary.metric].over not in FAILING:
        raise UsageError(
            f"{primary.metric}: only failed requests are simulated, so it can't be the primary metric here"
        )
    for name, level in assumed.levels.items():
        low, high = metrics[name].within
        if not low <= level <= high or (metrics[name].needs_level and level <= 0):
            raise UsageError(f"{name}: a level of {level:g} is not possible (its range is {low:g} to {high:g})")
    for name, less in assumed.silent.items():
        if not 0 <= less <= assumed.response:
            wrong = f"{100 * less:g} points less feedback than {100 * assumed.response:g}% is not possible"
            raise UsageError(f"{name}: {wrong}")
    units = assumed.per_week * 100 / frozen.enrolment.stages[-1] * frozen.max_weeks
    if units > MOST_UNITS:
        most = MOST_UNITS * frozen.enrolment.stages[-1] / 100 / frozen.max_weeks
        raise UsageError(f"--per-week: {units:,.0f} units are too many to simulate (at most {most:,.0f} a week)")


@dataclass(frozen=True, slots=True)
class Share:
    """A share of trials, its standard error, and the median day and units of an arm, ``None`` without such a trial."""

    share: float
    error: float
    days: float | None = None
    units: float | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """All trials of a scenario, by end. ``decided``: the primary metric was called better, or not worse as required.

    ``invalid``: the split was called wrong, although it is right. ``safe``: each guardrail was proven safe.
    """

    runs: int
    ends: dict[str, Share]
    decided: Share
    invalid: Share
    safe: dict[str, Share]


def run_trials(
    setting: TrialSetting, *, runs: int, seed: int, processes: int, on_done: Callable[[], None]
) -> list[TrialOutcome]:
    """The outcomes of so many trials; a seed gives the same ones whatever the number of processes."""
    trial = partial(_trial, setting, seed)
    outcomes = []
    with ProcessPoolExecutor(processes) if processes > 1 else nullcontext() as pool:
        for outcome in pool.map(trial, range(runs)) if pool else map(trial, range(runs)):
            outcomes.append(outcome)
            on_done()
    return outcomes


def summarise(outcomes: Sequence[TrialOutcome], guardrails: Sequence[str] = ()) -> Summary:
    """The summary of one or more trials, with these guardrails."""
    ends = [end_of(outcome) for outcome in outcomes]
    by_end = {name: _share(outcomes, [end == name for end in ends]) for name in ENDS}
    decided = [outcome.better or outcome.not_worse for outcome in outcomes]
    safe = {name: _share(outcomes, [name in outcome.safe for outcome in outcomes]) for name in guardrails}
    invalid = [outcome.invalid for outcome in outcomes]
    return Summary(len(outcomes), by_end, _share(outcomes, decided), _share(outcomes, invalid), safe)


def end_of(outcome: TrialOutcome) -> str:
    """How a trial ended, as one of `ENDS`."""
    if outcome.end == "ship":
        return "ships"
    if outcome.end in ("kill", "pause") and (outcome.by or not outcome.worse):
        return "stopped"
    return "worse" if outcome.worse else "better" if outcome.better or outcome.not_worse else "undecided"


def _trial(setting: TrialSetting, seed: int, number: int) -> TrialOutcome:
    return run_trial(setting, np.random.default_rng([seed, number]))


def _share(outcomes: Sequence[TrialOutcome], hits: Sequence[bool]) -> Share:
    mine = [outcome for outcome, hit in zip(outcomes, hits, strict=True) if hit]
    rate = len(mine) / len(outcomes)
    least = 1 / len(outcomes)  # as if one trial had ended so, because none of few does not mean never
    error = sqrt(max(rate * (1 - rate), least * (1 - least)) / len(outcomes))
    if not mine:
        return Share(rate, error)
    units = median(sum(outcome.units.values()) / len(outcome.units) for outcome in mine)
    return Share(rate, error, median(outcome.days for outcome in mine), units)
