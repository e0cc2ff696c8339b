"""Two arms that are the same: how often an experiment finds a difference, stops, or calls its split wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.experiment_trials.project import NAME, project
from benchmarks.experiment_trials.promise import Promise, Row, share
from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.domain.promises import ALPHA, SPLIT_ALPHA
from fairtrial.experiments.analysis.freeze import Known
from fairtrial.experiments.simulation.people import SimulatedArm, SimulatedEvent, World
from fairtrial.experiments.simulation.trial import TrialOutcome, TrialSetting

EVERY_US = 2 * HOUR_US
LEVEL, ERRORS, PER_WEEK, WEEKS = 0.6, 0.01, 2_000, 4


def _arm(**more: Any) -> SimulatedArm:
    return SimulatedArm(**{"levels": {"feedback.resolved": LEVEL}, "errors": ERRORS} | more)


def _world(
    tuned: SimulatedArm | None = None,
    names: Sequence[str] = ("base", "tuned"),
    *,
    base: SimulatedArm | None = None,
    **more: Any,
) -> World:
    arms: Mapping[str, SimulatedArm] = {name: (base if name == "base" else tuned) or _arm() for name in names}
    return World(**{"per_week": PER_WEEK, "arms": arms} | more)


def _same(
    name: str, what: str, world: World, *, attempts: int = 1, events: tuple[SimulatedEvent, ...] = (), **more: Any
) -> Promise:
    setting = TrialSetting(
        plan=project(**{"max_weeks": WEEKS} | more),
        name=NAME,
        world=world,
        known={"feedback.resolved": Known(response=world.arms["base"].response)},
        events=events,
        every_us=EVERY_US,
        until_shipped=False,
    )

    def read(found: Sequence[TrialOutcome]) -> list[Row]:
        whole = ALPHA * (1 if attempts == 1 else 2)
        return [
            share("called better", [one.better for one in found], most=whole),
            share("called worse", [one.worse for one in found], most=whole),
            share("called better or worse", [one.better or one.worse for one in found], most=whole),
            share("paused or killed for harm", [bool(one.by) for one in found], most=whole),
            share("split called wrong", [one.invalid for one in found], most=SPLIT_ALPHA * min(attempts, 2)),
        ]

    return Promise(f"same-{name}", f"A/A: {what}", setting, read)


STAGES = {"stages": [5, 20, 50, 100], "min_units": 50, "min_hours": 72}
THREE = {"base": 40.0, "tuned": 30.0, "larger": 30.0}
REARM = (SimulatedEvent(12, "kill"), SimulatedEvent(13, "rearm"))
SOME = _arm(response=0.6)
PROMISES = (
    _same("plain", "nothing special", _world()),
    _same("late", "feedback 3 days later in one arm", _world(_arm(late_days=3.0))),
    _same("missing", "10 points less feedback in one arm, by chance", _world(replace(SOME, silent=0.1), base=SOME)),
    _same(
        "silent",
        "10 points less feedback in one arm, of those who say no",
        _world(replace(SOME, silent=0.1, silent_first=True), base=SOME),
    ),
    _same("requests", "users with 1 to 200 requests", _world(habit="uniform", most=200, per_week=500)),
    _same("trend", "a trend of 2 points a week over four stages", _world(trend=0.02), enroll=STAGES),
    _same("three", "three arms", _world(names=tuple(THREE)), split=THREE),
    _same("90-10", "a split of 90 to 10", _world(), split={"base": 90.0, "tuned": 10.0}),
    _same("rearm", "a stop and a new start in the middle", _world(), attempts=2, events=REARM),
    _same("amend", "an amendment in the middle", _world(), attempts=2, events=(SimulatedEvent(12, "amend", "5pp"),)),
)
