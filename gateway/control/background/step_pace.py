"""Decides when a running experiment needs its next step, so that the monitor does nothing while nothing happens."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fairtrial.domain.limits.constants import HOUR_US, WEEK_US
from fairtrial.domain.plan import Published
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.monitor import Circumstances
from fairtrial.experiments.steady_time import StepTime
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import analysis_plans
from fairtrial.store.experiments.sums.over_time_sums import next_week_end
from fairtrial.store.experiments.sums.share_sums import next_window_end

STEP_SECONDS = 2.0
"""How often the monitor asks whether a step is due."""
STEP_US = round(STEP_SECONDS * 1e6)
REST = 10
"""Seconds of rest for each second that a step took, unless errors arrived."""
LEAST_REST = 5.0
"""Seconds before new data alone leads to another step: while an experiment is young, each step with data is a look."""
CHECK_US = 60_000_000
"""How often units and served models are checked."""
QUIET_SHARE = 4
"""While windows of units end without new data, a step waits for this share of the time since the last change."""
LONGEST_QUIET_US = 60_000_000


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the last step of an experiment has seen, and when time alone can change its result."""

    commits: int
    published: Published
    held: str
    at_us: int
    changed_us: int
    until_us: int


class StepPace:
    """One thread calls it. ``rest``: seconds of rest for each second of a step, and 0 lets steps follow at once.

    Times are of the trusted clock.
    """

    def __init__(self, database: Database, *, rest: float = REST) -> None:
        self._database, self._rest = database, rest
        self._rests_until: dict[str, float] = {}
        self._waits_until: dict[str, float] = {}
        self._seen: dict[str, _Seen] = {}
        self._checked_us: dict[str, int] = {}

    def is_due(self, name: str, published: Published, clocks: StepTime) -> bool:
        """Whether the store, the plan or the clocks have changed, or a time limit is reached, and the rest is over."""
        now, seen = time.monotonic(), self._seen.get(name)
        if now < self._rests_until.get(name, 0.0):
            return False
        if seen is None or seen.published is not published or seen.held != clocks.held:
            return True
        changed = seen.commits != self._database.commits or not seen.at_us <= clocks.now_us < seen.until_us
        return changed and now >= self._waits_until.get(name, 0.0)

    @contextmanager
    def resting(self, name: str) -> Iterator[None]:
        """A step, after which the experiment rests, also if it fails, so that it does not take the others' time."""
        began, first = time.monotonic(), name not in self._rests_until
        try:
            yield
        finally:
            ended = time.monotonic()
            rest = 0.0 if first else self._rest  # the first step loads the statistics
            self._rests_until[name] = ended + rest * (ended - began)
            self._waits_until[name] = ended + (LEAST_REST if rest else 0.0)

    def note(
        self,
        published: Published,
        commits: int,
        looked: tuple[AnalysisPlan, Memory],
        around: Circumstances,
        *,
        busy: bool,
    ) -> None:
        """Register a step that succeeded. ``commits``: those before the step has read the store, and its own.

        ``busy``: so many units that the end of the next window is found only once no data comes.
        """
        (plan, memory), now_us = looked, around.now_us
        name, before = plan.experiment, self._seen.get(plan.experiment)
        changed_us = before.changed_us if before is not None and before.commits == commits else now_us
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
        self._seen[name] = _Seen(commits, published, around.held, now_us, changed_us, until_us)

    def is_check_due(self, name: str, now_us: int) -> bool:
        """Whether units and models must be checked again. A clock that went back delays none."""
        return not 0 <= now_us - self._checked_us.get(name, 0) < CHECK_US

    def checked(self, name: str, now_us: int) -> None:
        """Register a check of units and models."""
        self._checked_us[name] = now_us
