"""Steps through many experiments in turns, as control does; runs with any release's packages.

``python -m benchmarks.since_work.steps FOLDER EXPERIMENTS STORED``

The store has so many requests of a week. Each line of the standard input names a turn, and is answered with the CPU
milliseconds of what control did in it. Requests are inserted by SQL, which does not count. The clock that steps rest by
is the CPU's, and the time between requests is added to it, so that nothing waits and a busy machine changes nothing.
"""

from __future__ import annotations

import inspect
import math
import sys
import time
from contextlib import closing
from pathlib import Path

from benchmarks.monitored_store import START_US, WEEK_US, Size, fill, insert, make_project, update_sums
from fairtrial.config.project import load_project
from fairtrial.store.core.database import Database
from gateway.control.background.experiment_monitor import ExperimentMonitor
from gateway.control.background.plan_publisher import PlanPublisher

TESTS, TESTED = 4, 200
"""Urgent tests of a turn, and the requests before each; two of them fail on average."""
PER_SECOND, SECONDS, INTERVAL = 80, 30, 0.5
"""Requests a second of a steady turn, its length, and how long requests wait."""
EACH = 5
"""Requests of a unit."""


class Experiments:
    """A store with running experiments, and the next request's number."""

    def __init__(self, folder: Path, experiments: int, stored: int) -> None:
        self._project, self._number = make_project(folder, experiments), 0
        self._size = Size(stored or round(PER_SECOND * WEEK_US / 1e6), max(stored, 1_000_000) // EACH, START_US)
        self._database = Database.open(self._project.layout)
        path = self._project.path
        self._publisher = PlanPublisher(
            self._database, path, lambda: load_project(path, {}), clock_us=lambda: self._now_us
        )
        self._waited = 0.0
        time.monotonic = lambda: time.process_time() + self._waited
        self._publisher.refresh(keys_changed=True)
        self._monitor = self._monitored(stored)
        self._monitor.step()
        for filled in fill(self._database, self._project, self._size) if stored else ():
            self._number = filled
        for _ in range(2):  # the first step loads the statistics, and the second one has data
            self._monitor.step()

    @property
    def _now_us(self) -> int:
        return START_US + round(self._number * WEEK_US / self._size.requests)

    def _monitored(self, stored: int) -> ExperimentMonitor:
        """On a filled store, no step follows the first ones, so that only tests for harm remain."""
        rest = {"rest": math.inf} if stored else {}
        return ExperimentMonitor(self._database, self._publisher, lambda: self._now_us, **rest)

    def close(self) -> None:
        """Close the store."""
        self._database.close()

    def urgent(self) -> float:
        """Each of some tests follows new failures."""
        return sum(self._stored(TESTED) for _ in range(TESTS)) / TESTS

    def steady(self) -> float:
        """Requests at a steady rate; the milliseconds are of one."""
        first, used = self._number, 0.0
        for _ in range(round(SECONDS / INTERVAL)):
            self._waited += INTERVAL
            used += self._stored(round(PER_SECOND * INTERVAL))
        return used / (self._number - first)

    def _stored(self, requests: int) -> float:
        """What the sums and the step after so many new requests take."""
        insert(self._database, self._project, self._size, self._number, self._number + requests)
        self._number += requests
        before = time.process_time()
        failed = update_sums(self._database).failed
        if "urgent" in inspect.signature(self._monitor.step).parameters:  # until release 0.3.0
            self._monitor.step(urgent=bool(failed))  # type: ignore[call-arg]
        else:
            self._monitor.step()
        return 1000 * (time.process_time() - before)


def main() -> None:
    """Answer until the input ends."""
    with closing(Experiments(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))) as experiments:
        for line in sys.stdin:
            turn = experiments.urgent if line.strip() == "urgent" else experiments.steady
            print(turn(), flush=True)


if __name__ == "__main__":
    main()
