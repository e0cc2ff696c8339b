"""How soon proven harm stops a candidate whose requests fail more often."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.experiment_trials.project import NAME, project
from benchmarks.experiment_trials.promise import Promise, Row, mean, share
from fairtrial.experiments.simulation.lifecycle import Setting
from fairtrial.experiments.simulation.outcome import Outcome
from fairtrial.experiments.simulation.people import DAY_US
from fairtrial.experiments.simulation.world import Arm, World
from fairtrial.stats.planning.conversion_course import ConversionRule, conversion_course

BASE, WORSE, HEALTHY, MORE = 0.01, 0.05, 2_000, 700
COURSE = conversion_course(ConversionRule(lift=1.0, side="more"), control=BASE, treatment=WORSE, units=6_000)
PLANNED = COURSE.mean_stop / 2


def _setting(tuned: Arm, per_week: float) -> Setting:
    plan = project(primary=None, max_weeks=1)
    world = World(per_week=per_week, arms={"base": Arm(errors=BASE), "tuned": tuned})
    return Setting(plan=plan, name=NAME, world=world, every_us=DAY_US)


def _users(found: Outcome) -> float:
    return sum(found.units.values()) / len(found.units)


def _from_first(found: Sequence[Outcome]) -> list[Row]:
    users = [_users(one) for one in found]
    return [
        share("stopped", [one.end == "kill" for one in found], least=1.0),
        mean(f"users an arm when stopped (planned: {PLANNED:.0f})", users, least=0.95 * PLANNED, most=1.05 * PLANNED),
    ]


def _from_later(found: Sequence[Outcome]) -> list[Row]:
    late = [one for one in found if one.units["tuned"] > HEALTHY]
    more = [one.units["tuned"] - HEALTHY for one in late]
    return [
        share("stopped while healthy", [one.units["tuned"] <= HEALTHY for one in found], most=0.05),
        share("stopped", [one.end == "kill" for one in found], least=1.0),
        mean(f"further users of tuned until stopped, after {HEALTHY:,} healthy ones", more, most=MORE),
    ]


LATER = Arm(errors=WORSE, errors_before=BASE, healthy=HEALTHY)
PROMISES = (
    Promise("harm", "Errors of 1 → 5 % from the first user", _setting(Arm(errors=WORSE), 6_000), _from_first),
    Promise("harm-later", "Errors of 1 → 5 % after 2,000 healthy users", _setting(LATER, 12_000), _from_later),
)
