"""Follows rates over many trials at once: at which units each first pauses, kills, or is proven safe.

The tests are those of the product's method, on arrays. The product's own `find` looks at some trials before and at the
look that decides; a run stops where they differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, log

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.decision_trials.populations import (
    DAY,
    HOUR,
    USERS,
    Floats,
    Population,
    arm_sums,
    drawn,
    first_shares,
    looks_until,
)
from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import Finding
from fairtrial.experiments.methods.rates import (
    decline_test,
    event_evidence,
    harm_test,
    primary_tests,
    safety_test,
    weighed_difference,
)
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import Sums
from fairtrial.stats.sequential.request_errors import RequestErrors

CHECKED = 3
"""The trials of each course that the product's own function looks at."""
SAFE, PAUSE, KILL, VETO = "safe", "pause", "kill", "veto"
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Firsts:
    """The units of both arms at which each trial first showed something; infinite if it never did."""

    by: dict[str, Floats]

    def within(self, what: str, units: float) -> list[bool]:
        """Whether each trial has shown it by so many units of both arms."""
        return (self.by[what] <= units).tolist()

    def units(self, what: str) -> Floats:
        return self.by[what]


@dataclass(slots=True)
class _Statement:
    """One statement: when each trial first made it, and the looks to check."""

    name: str
    first: Floats
    checks: list[tuple[int, Sums, bool]] = field(default_factory=list)


def firsts(
    plan: AnalysisPlan, arms: tuple[Population, Population], rng: Generator, trials: int, units: float,
    statements: Sequence[str], *, growth: float = 0.01,
) -> Firsts:  # fmt: skip
    """When each trial of the first guardrail of this plan makes each statement, up to so many units of both arms."""
    share = plan.share_of(plan.treatments[0])
    made = {name: _Statement(name, np.full(trials, inf)) for name in statements}
    before: dict[int, Sums] = {}
    for now, control, treatment in drawn(rng, arms, looks_until(units, growth=growth), trials, share=share):
        for one in made.values():
            open_ = np.isinf(one.first)
            if not open_.any():
                continue
            shown = np.zeros(trials, np.bool_)
            shown[open_] = _shown(plan, one.name, control[open_], treatment[open_])
            one.first[shown] = now
            for trial in np.flatnonzero(shown[:CHECKED]).tolist():
                if trial in before:
                    one.checks.append((trial, before[trial], False))
                one.checks.append((trial, _sums(plan, control[trial], treatment[trial]), True))
        before = {trial: _sums(plan, control[trial], treatment[trial]) for trial in range(min(CHECKED, trials))}
    for one in made.values():
        _check(plan, one)
    return Firsts({name: one.first for name, one in made.items()})


def _shown(plan: AnalysisPlan, what: str, control: Floats, treatment: Floats) -> Bools:
    share = plan.share_of(plan.treatments[0])
    if plan.primary is not None:
        tests = primary_tests(plan.primary, share, alpha=plan.alpha_primary)
        test, alpha = next((test, alpha) for answer, test, alpha in tests if answer == what)
        return np.asarray(_log_e(test.log_e, control[:, DAY], treatment[:, DAY]) >= -log(alpha))
    metric = plan.guardrails[0]
    if what == SAFE:
        found = _log_e(safety_test(metric, share).log_e, control[:, DAY], treatment[:, DAY])
        return np.asarray(found >= -log(plan.alpha_attempt))
    if what == KILL:
        found = _stopping(harm_test(metric, share).log_e, control, treatment)
    elif what == PAUSE:
        found = _decline(metric, share, control, treatment)
    else:
        return np.array([_vetoed(plan, one, other) for one, other in zip(control, treatment, strict=True)])
    return np.asarray(found >= -log(plan.alpha_kill))


def _vetoed(plan: AnalysisPlan, control: Floats, treatment: Floats) -> bool:
    metric = plan.guardrails[0]
    one, other = (arm_sums(arm, [metric.metric]).metrics.get(metric.metric) for arm in (control, treatment))
    if not (isinstance(one, RequestErrors) and isinstance(other, RequestErrors)):
        return False
    return weighed_difference(plan, metric, (one, other))[1]


def _decline(metric: MetricPlan, share: float, control: Floats, treatment: Floats) -> Floats:
    by_share = _stopping(decline_test(metric, share).log_e, control, treatment)
    users = np.stack((control[:, USERS], treatment[:, USERS]), axis=1)
    pairs, index = np.unique(users, axis=0, return_inverse=True)
    by_event = np.array([event_evidence(round(one), round(other), share) for one, other in pairs])[index.ravel()]
    found: Floats = np.logaddexp(by_share, by_event) - log(2)
    return found


def _stopping(test: object, control: Floats, treatment: Floats) -> Floats:
    by_hour = _log_e(test, control[:, HOUR], treatment[:, HOUR])
    by_first = _log_e(test, first_shares(control), first_shares(treatment))
    found: Floats = np.logaddexp(by_hour, by_first) - log(2)
    return found


def _log_e(test: object, control: Floats, treatment: Floats) -> Floats:
    both = (control.sum(axis=1) > 0) & (treatment.sum(axis=1) > 0)
    found: Floats = np.where(both, test(control, treatment), 0.0)  # type: ignore[operator]
    return found


def _sums(plan: AnalysisPlan, control: Floats, treatment: Floats) -> Sums:
    names = [one.metric for one in plan.metrics]
    arms = {plan.control: arm_sums(control, names), plan.treatments[0]: arm_sums(treatment, names)}
    return Sums(plan.started_us, arms)


def _finding(plan: AnalysisPlan, sums: Sums) -> Finding:
    return find(plan, sums)[0]


def _check(plan: AnalysisPlan, statement: _Statement) -> None:
    for trial, sums, expected in statement.checks:
        found = _finding(plan, sums)
        shown = plan.primary is not None and found.answer == statement.name
        if plan.primary is None:
            shown = {
            SAFE: found.answer == "safe", PAUSE: found.declined, KILL: found.answer == "harm", VETO: found.vetoed,
        }[statement.name]  # fmt: skip
        hidden = found.answer == "harm" or (plan.primary is not None and found.answer != "cannot tell")
        if shown != expected and not (expected and hidden):  # an answer that takes precedence hides another one
            raise RuntimeError(f"trial {trial}: {statement.name} is {shown} by the product and {expected} here: {sums}")
