"""Prints the CPU seconds of some looks at an experiment, one an hour, as JSON; runs with any release's packages.

``python -m benchmarks.since_work.look FOLDER REQUESTS UNITS LOOKS``
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing
from pathlib import Path

from benchmarks.monitored_store import START_US, WEEK_US, Size, fill, make_project
from fairtrial.config.project import load_project
from fairtrial.store.core.database import Database
from gateway.control.background.experiment_monitor import ExperimentMonitor
from gateway.control.background.plan_publisher import PlanPublisher

HOUR_US = 3_600_000_000


def looks(folder: Path, size: Size, count: int) -> list[float]:
    """The CPU seconds of the monitor's step at each look, the first one left out."""
    project, now_us, found = make_project(folder), START_US, list[float]()
    with closing(Database.open(project.layout)) as database:
        publisher = PlanPublisher(
            database, project.path, lambda: load_project(project.path, {}), clock_us=lambda: now_us
        )
        publisher.refresh(keys_changed=True)
        monitor = ExperimentMonitor(database, publisher, lambda: now_us, rest=0)
        monitor.step()
        for _ in fill(database, project, size):
            pass
        for number in range(count + 1):
            now_us = START_US + WEEK_US + number * HOUR_US
            before = time.process_time()
            monitor.step()
            found.append(time.process_time() - before)
    return found[1:]


if __name__ == "__main__":
    requests, units, count = map(int, sys.argv[2:])
    print(json.dumps(looks(Path(sys.argv[1]), Size(requests, units), count)))
