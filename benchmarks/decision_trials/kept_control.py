"""What a control that stays after a promotion rolls back: a rise inside the margin, and harm from any day on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, inf, log

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from benchmarks.decision_trials.populations import (
    EVERY,
    FIRST,
    HOUR,
    MOMENTS,
    UNITS,
    USERS,
    Floats,
    arm_sums,
    even,
    looks_until,
)
from benchmarks.decision_trials.trial import Row, Trial, frozen, share
from fairtrial.domain.limits.constants import WEEK_US
from fairtrial.domain.settings import KeptControl
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import rounded_up
from fairtrial.experiments.methods.rates import harm_test
from fairtrial.experiments.monitor import Circumstances, step
from fairtrial.experiments.promotion import KeptTerms
from fairtrial.experiments.sums import Sums
from fairtrial.stats.planning.rate_courses import share_log_e
from gateway.control.experiments.kept_control import harmful_level, users_to_harm

ERRORS = "requests.error_rate"
DAYS, WEEKS = 14, 2
LEVEL = 0.01
GROWTH = 0.02
WORLDS = ((5.0, 100_000), (5.0, 20_000), (20.0, 5_000))
"""The share of the control in percent, and the users a week."""
INSIDE = ((0.008, 0.008), (0.008, 0.012), (0.01, 0.02))
"""Errors of the control and the promoted variant that must not roll back; the last rise is exactly the margin."""


def _plan(percent: float) -> AnalysisPlan:
    guardrail = {"metric": ERRORS, "margin": "1pp", "baseline": LEVEL}
    plan = frozen(primary=None, guardrails=[guardrail], split={"base": percent, "tuned": 100 - percent})
    return replace(plan, kept_control=KeptControl("tuned", percent, 0.0, WEEKS * WEEK_US, 1, float(DAYS)))


def _rolled_back(
    plan: AnalysisPlan, rng: Generator, rates: tuple[float, float], per_week: int, begins: ArrayLike
) -> tuple[Floats, list[tuple[int, Floats, Floats]]]:
    """The users since the promotion at which each trial rolls back, and the looks at the first trial.

    ``begins``: the users at which the promoted variant gets its rate, by trial. Each user sends one request a week.
    """
    begins = np.asarray(begins, np.float64)
    trials, share_ = len(begins), plan.share_of("tuned")
    test, found, looks = harm_test(plan.guardrails[0], share_), np.full(len(begins), inf), []
    for week in range(WEEKS):
        least, before, last = -log(plan.in_week(week * WEEK_US).alpha_kill), week * per_week, 0
        users, bad = np.zeros((2, trials)), np.zeros((2, trials))
        for look in looks_until(per_week, growth=GROWTH):
            treated = rng.binomial(look - last, share_, trials)
            harmful = np.clip((before + look - begins) / (look - last), 0, 1)
            users += look - last - treated, treated
            bad[0] += rng.binomial(look - last - treated, rates[0])
            bad[1] += rng.binomial(treated, rates[0] + harmful * (rates[1] - rates[0]))
            found[np.isinf(found) & (share_log_e(test, (users[0], users[1]), (bad[0], bad[1])) >= least)] = (
                before + look
            )
            looks.append((before + look, users[:, 0].copy(), bad[:, 0].copy()))
            last = look
    return found, looks


def _inside(rng: Generator, trials: int) -> list[Row]:
    rows = []
    for percent, per_week in WORLDS:
        plan = _plan(percent)
        for control, treatment in INSIDE:
            found, _ = _rolled_back(plan, rng, (control, treatment), per_week, np.zeros(trials))
            name = f"errors {100 * control:g} → {100 * treatment:g} %, control {percent:g} %, {per_week:,} users a week"
            rows.append(share(f"{name}: rolled back in {DAYS} days", np.isfinite(found).tolist(), most=0.05))
    return rows


def _harm(rng: Generator, trials: int) -> list[Row]:
    rows = []
    for percent, per_week in WORLDS:
        plan, terms = _plan(percent), KeptTerms(percent, DAYS)
        metric, whole = plan.guardrails[0], WEEKS * per_week
        needed = users_to_harm(plan, metric, terms, per_week)
        assert needed is not None
        stated = rounded_up(ceil(needed))
        days = np.array([day for day in range(DAYS) if day * per_week / 7 + stated <= whole])
        begins = np.repeat(days, trials) * per_week / 7
        found, _ = _rolled_back(plan, rng, (LEVEL, harmful_level(metric)), per_week, begins)
        name = f"errors 1 → 5 % from day 1 to {days[-1] + 1}, control {percent:g} %, {per_week:,} users a week"
        within = (found - begins + per_week / 168 <= stated).reshape(len(days), trials)
        rows.append(share(f"{name}: rolled back within {stated:,} users, any day", within.ravel().tolist(), least=0.9))
        worst = within[within.mean(axis=1).argmin()]
        rows.append(share(f"{name}: the same, the worst day", worst.tolist(), least=0.9))
    few = users_to_harm(_plan(5.0), _plan(5.0).guardrails[0], KeptTerms(5.0, DAYS), 2_000)
    rows.append(share("control 5 %, 2,000 users a week: refused", [few is None], least=1.0))
    return rows


def _stepped(rng: Generator, trials: int) -> list[Row]:
    """The monitor's own steps, on the looks of single trials."""
    agree, (percent, per_week) = [], WORLDS[-1]
    plan, one = _plan(percent), even(0.0).columns[0]
    for trial in range(trials):
        begins = [trial % DAYS * per_week / 7]
        rates = INSIDE[1] if trial % 3 == 0 else (LEVEL, 0.05)
        found, looks = _rolled_back(plan, rng, rates, per_week, begins)
        memory, at = Memory(), inf
        for users, units, bad in looks:
            columns = (_columns(one, *counts) for counts in zip(units, bad, strict=True))
            arms = {name: arm_sums(arm, [ERRORS]) for name, arm in zip(plan.shares, columns, strict=True)}
            now_us = ceil(users / per_week) * WEEK_US - WEEK_US + users % per_week
            made = step(plan, memory, Sums(now_us, arms), Circumstances(now_us, 100.0, 0))
            memory = made.memory
            if made.verdict is not None:
                at = users if made.verdict.do == "rollback" else -inf
                break
        agree.append(bool(at == found[0]))
    return [share("monitor.step rolls back at the same look, or never for a rise inside the margin", agree, least=1.0)]


def _columns(one: Floats, units: float, bad: float) -> Floats:
    columns = one * units
    columns[HOUR][0], columns[HOUR][-1] = units - bad, bad
    columns[HOUR.stop], columns[2 * HOUR.stop - 1] = units - bad, bad
    columns[MOMENTS] = columns[EVERY] = bad, units, bad, units, bad
    columns[FIRST] = units - bad, bad
    columns[USERS], columns[UNITS] = bad, units
    return columns


TRIALS: Sequence[Trial] = (
    Trial("kept-inside", "A rise inside the margin while a control is kept", _inside, 1_000, 100),
    Trial("kept-harm", "Harm that begins on any day while a control is kept", _harm, 500, 50),
    Trial("kept-steps", "The same by the monitor's steps", _stepped, 12, 2),
)
