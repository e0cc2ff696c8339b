"""Decides when a running experiment needs its next step, so that the monitor does nothing while nothing happens."""

import math
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from fairtrial.domain.limits.constants import HOUR_US, WEEK_US
from fairtrial.domain.plan import Experiment, Published
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.monitor import Circumstances
from fairtrial.experiments.steady_time import StepTime
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import analysis_plans
from fairtrial.store.experiments.sums.over_time_sums import next_week_end
from fairtrial.store.experiments.sums.share_sums import next_window_end
from gateway.metrics import BOUNDS, histogram

STEP_SECONDS = 2.0
"""How often the monitor asks whether a step is due."""
STEP_US = round(STEP_SECONDS * 1e6)
REST = 20
"""Seconds of rest for each second that the steps of a round took."""
LEAST_REST = 5.0
"""Seconds before new data alone leads to another round: while an experiment is young, each step with data is a look."""
CHECK_US = 60_000_000
"""How often units and served models are checked."""
QUIET_SHARE = 4
"""While windows of units end without new data, a step waits for this share of the time since the last change."""
LONGEST_QUIET_US = 60_000_000


@dataclass(slots=True)
class StepCounts:
    """The durations of all steps since the start, as a histogram, and how many of them failed."""

    seconds: list[float] = field(default_factory=histogram)
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the last step of an experiment has seen, and when time alone can change its result."""

    changes: int
    experiment: Experiment
    held: str
    at_us: int
    changed_us: int
    until_us: int


class StepPace:
    """One thread calls it. ``rest``: seconds of rest for each second of a round, and 0 lets rounds follow at once.

    A round is the steps of all experiments that need one. Times are of the trusted clock.
    """

    def __init__(self, database: Database, *, rest: float = REST) -> None:
        self._database, self._rest, self.counts = database, rest, StepCounts()
        self._rests_until, self._spent, self._stepped = -math.inf, 0.0, False
        self._tried: dict[str, Published] = {}
        self._seen: dict[str, _Seen] = {}
        self._checked_us: dict[str, int] = {}

    def is_due(self, name: str, published: Published, clocks: StepTime) -> bool:
        """Whether something has changed for this experiment, or a time limit is reached, and the rest is over.

        A first step, and one after a changed plan, waits for no rest.
        """
        tried, seen = self._tried.get(name), self._seen.get(name)
        if tried is None:
            return True
        if seen is None:
            is_new, is_due = True, True
        else:
            planned = seen.experiment != published.plan.experiments[name]
            is_new = planned or seen.changes != self._database.changes.count(name)
            is_due = is_new or seen.held != clocks.held or not seen.at_us <= clocks.now_us < seen.until_us
        return (is_new and published is not tried) or (is_due and time.monotonic() >= self._rests_until)

    @contextmanager
    def round(self) -> Iterator[None]:
        """The steps of several experiments, after which all rest, so that their tests take a small share of a core."""
        self._spent, self._stepped = 0.0, False
        try:
            yield
        finally:
            if self._stepped and self._rest:
                self._rests_until = time.monotonic() + max(LEAST_REST, self._rest * self._spent)

    @contextmanager
    def resting(self, name: str, published: Published) -> Iterator[None]:
        """A step of this experiment, which counts for the rest, also if it fails."""
        began, first = time.monotonic(), name not in self._tried
        self._tried[name] = published
        try:
            yield
        finally:
            seconds = time.monotonic() - began
            self.counts.seconds[bisect_left(BOUNDS, seconds)] += 1
            self.counts.seconds[-1] += seconds
            if not first:  # the first step loads the statistics
                self._spent, self._stepped = self._spent + seconds, True

    def note(
        self,
        experiment: Experiment,
        changes: int,
        looked: tuple[AnalysisPlan, Memory],
        around: Circumstances,
        *,
        busy: bool,
    ) -> None:
        """Register a step that succeeded. ``changes``: those before the step has read the store, and its own.

        ``busy``: so many units that the end of the next window is found only once no data comes.
        """
        (plan, memory), now_us = looked, around.now_us
        name, before = plan.experiment, self._seen.get(plan.experiment)
        changed_us = before.changed_us if before is not None and before.changes == changes else now_us
        soonest_us = now_us + min(max((now_us - changed_us) // QUIET_SHARE, STEP_US), LONGEST_QUIET_US)
        limits = [around.end_us(plan), around.stage_end_us(plan), memory.looked_us + HOUR_US]
        limits += [next_week_end(plan, now_us)]
        limits += [plan.in_week(now_us).counts_from_us + WEEK_US]
        if (busy and changed_us == now_us) or around.held or around.kept_away or around.rested or not around.followed:
            limits.append(soonest_us)
        else:
            hashes = analysis_plans.hashes(self._database, plan)
            window_us = next_window_end(self._database, plan, hashes, after_us=now_us)
            limits += [] if window_us is None else [max(window_us, soonest_us)]
        if self._checked_us.get(name, now_us) < changed_us:
            limits.append(self._checked_us[name] + CHECK_US)
        until_us = min((limit for limit in limits if limit > now_us), default=now_us)
        self._seen[name] = _Seen(changes, experiment, around.held, now_us, changed_us, until_us)

    def is_check_due(self, name: str, now_us: int) -> bool:
        """Whether units and models must be checked again. A clock that went back delays none."""
        return not 0 <= now_us - self._checked_us.get(name, 0) < CHECK_US

    def checked(self, name: str, now_us: int) -> None:
        """Register a check of units and models."""
        self._checked_us[name] = now_us
