"""How often an experiment with the planned effect has decided by the planned time."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.experiment_trials.project import NAME, project
from benchmarks.experiment_trials.promise import Promise, Row, share
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.experiments.simulation.people import SimulatedArm, World
from fairtrial.experiments.simulation.trial import START_US, TrialOutcome, TrialSetting
from fairtrial.stats.planning.question import Design, Question
from fairtrial.stats.planning.trial import option

PER_WEEK, WEEKS, LEVEL, EFFECT = 3_000, 2, 0.6, 0.1
DESIGN = Design(per_week=PER_WEEK, weeks=1)
PLANNED = option(Question("feedback.resolved", "superior", LEVEL, EFFECT), DESIGN, 0.8)
WITHIN = 0.02
"""How far the power may be from the planned one."""
WINDOW_DAYS = 7


def _power_at(units: float) -> float:
    """The planner's power after so many units, looked at each day."""
    from fairtrial.stats.planning.courses import monitored

    question = Question("feedback.resolved", "superior", LEVEL, EFFECT)
    looks = [PER_WEEK / 7 * day for day in range(1, 8) if PER_WEEK / 7 * day <= units]
    return monitored(EFFECT, question.unit_variance(0.5), looks, tau=EFFECT).power[-1]


def _read(found: Sequence[TrialOutcome]) -> list[Row]:
    rows = []
    for day in (2, 3, 4, 7):
        planned = _power_at(PER_WEEK / 7 * day)
        until_us = START_US + (day + WINDOW_DAYS) * DAY_US
        done = [one.decided_us is not None and one.decided_us <= until_us for one in found]
        what = f"better by day {day} + {WINDOW_DAYS}, after {PER_WEEK / 7 * day:,.0f} users (planned: {planned:.1%})"
        rows.append(share(what, done, least=planned - WITHIN, most=planned + WITHIN))
    return rows


ARMS = {
    name: SimulatedArm(levels={"feedback.resolved": level})
    for name, level in (("base", LEVEL), ("tuned", LEVEL + EFFECT))
}
SETTING = TrialSetting(
    plan=project(guardrails=(), max_weeks=WEEKS, looks="monitor"),
    name=NAME,
    world=World(per_week=PER_WEEK, arms=ARMS),
    every_us=DAY_US,
    until_shipped=False,
)
PROMISES = (Promise("power", "60 % against 70 % resolved, 3,000 users a week", SETTING, _read, 4_000),)
