"""How soon a decline pauses a candidate whose requests fail more often, and harm kills it if a person resumes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.experiment_trials.project import NAME, project
from benchmarks.experiment_trials.promise import Promise, Row, mean, share
from fairtrial.domain.limits.constants import DAY_US, HOUR_US, MINUTE_US
from fairtrial.experiments.simulation.people import SimulatedArm, World
from fairtrial.experiments.simulation.trial import TrialOutcome, TrialSetting
from fairtrial.stats.planning.rate_courses import kill_course, pause_course

BASE, WORSE, HEALTHY, MORE = 0.01, 0.05, 2_000, 900
PER_WEEK, MARGIN = 6_000, 0.01
PAUSED = pause_course(control=BASE, treatment=WORSE, units=PER_WEEK).mean_stop / 2
KILLED = kill_course(margin=MARGIN, control=BASE, treatment=WORSE, units=PER_WEEK).mean_stop / 2
WAITING = PER_WEEK / 7 / 24 / 2
"""The users an arm who arrive while a user's first hour lasts, which the evidence lags behind."""


def _setting(tuned: SimulatedArm, per_week: float, every_us: int) -> TrialSetting:
    plan = project(primary=None, max_weeks=1)
    world = World(per_week=per_week, arms={"base": SimulatedArm(errors=BASE), "tuned": tuned})
    return TrialSetting(plan=plan, name=NAME, world=world, every_us=every_us, resumes=True)


def _users(units: Mapping[str, int]) -> float:
    return sum(units.values()) / max(1, len(units))


def _near(planned: float) -> dict[str, float]:
    return {"least": 0.95 * planned, "most": 1.05 * planned + 2 * WAITING}


def _from_first(found: Sequence[TrialOutcome]) -> list[Row]:
    paused = [one for one in found if one.paused]
    users = [_users(one.paused) for one in paused]
    return [
        share("paused or killed", [bool(one.paused) or one.end == "kill" for one in found], least=1.0),
        mean(f"users an arm until the pause (planned: {PAUSED:.0f})", users, **_near(PAUSED)),
        share("killed, each pause resumed", [one.end == "kill" for one in found], least=0.98),
        mean(
            f"users an arm until the kill (planned: {KILLED:.0f})",
            [_users(one.units) for one in found],
            **_near(KILLED),
        ),
    ]


def _from_later(found: Sequence[TrialOutcome]) -> list[Row]:
    stopped = [one.paused.get("tuned", one.units["tuned"]) for one in found]
    more = [units - HEALTHY for units in stopped if units > HEALTHY]
    return [
        share("paused while healthy", [units <= HEALTHY for units in stopped], most=0.05),
        share("paused or killed", [bool(one.paused) or one.end == "kill" for one in found], least=1.0),
        mean(f"further users of tuned until paused, after {HEALTHY:,} healthy ones", more, most=MORE),
    ]


def _severe(found: Sequence[TrialOutcome]) -> list[Row]:
    users = [_users(one.units) for one in found]
    middle = mean(f"median users an arm until the kill, {SEVERE_PER_WEEK:,} a week", users, most=SOON)
    return [
        share("paused or killed", [bool(one.paused) or one.end == "kill" for one in found], least=1.0),
        share("killed, each pause resumed", [one.end == "kill" for one in found], least=0.98),
        replace(middle, measured=float(np.median(users))),
    ]


SEVERE_PER_WEEK, SOON = 20_000, 60
LATER = SimulatedArm(errors=WORSE, errors_before=BASE, healthy=HEALTHY)
PROMISES = (
    Promise(
        "harm",
        "Errors of 1 → 5 % from the first user",
        _setting(SimulatedArm(errors=WORSE), PER_WEEK, HOUR_US),
        _from_first,
    ),
    Promise(
        "harm-severe",
        "Errors of 1 → 25 % from the first user",
        _setting(SimulatedArm(errors=0.25), SEVERE_PER_WEEK, 5 * MINUTE_US),
        _severe,
    ),
    Promise("harm-later", "Errors of 1 → 5 % after 2,000 healthy users", _setting(LATER, 12_000, DAY_US), _from_later),
)
