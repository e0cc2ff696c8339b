"""What watching an experiment of ten million requests costs, beside plain queries for the same figures.

    python benchmarks/monitor.py [--requests 10000000] [--units 1000000] [--folder DIR] [--json]

A store of that many requests is made by SQL: one experiment of a week with feedback on one request in twenty and errors
in one of a hundred. Then, in this process, as control does it: a step of the monitor between two looks, the test for
harm after an ingest with errors, a step with a look, the ingest of 500 more requests into the sums of units, and the
data of the experiment's page. A plain query computes the page's figures from the requests, with the same engine and as
much memory, in the same run.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

from benchmarks.monitored_store import NAME, START_US, WEEK_US, Size, fill, insert, make_project  # noqa: E402
from fairtrial.config.project import Project, load_project  # noqa: E402
from fairtrial.experiments.analysis_plan import AnalysisPlan  # noqa: E402
from fairtrial.store.core.database import Database  # noqa: E402
from fairtrial.store.derived import unit_summaries  # noqa: E402
from fairtrial.store.experiments import analysis_plans  # noqa: E402
from fairtrial.store.experiments.sums import arm_sums  # noqa: E402
from gateway.control.background.experiment_monitor import ExperimentMonitor, Status  # noqa: E402
from gateway.control.background.plan_publisher import PlanPublisher  # noqa: E402
from gateway.control.operations.experiments.describe_decision import describe_decision  # noqa: E402

PLAIN_REQUESTS = """
WITH units AS (
    SELECT exposed_unit, arg_min(variant_assigned, at_time) AS arm, min(at_time) AS since,
        count(*) FILTER (arm_outcome = 'failed') AS x,
        count(*) FILTER (arm_outcome IN ('answered', 'failed')) AS y,
        count(*) FILTER (arm_outcome = 'rejected') AS z
    FROM requests
    WHERE experiment = 'tuned-vs-base' AND enrolled AND at_time >= $start
    GROUP BY exposed_unit
)
SELECT arm, count(*), count(*) FILTER (x > 0), sum(least(x, 50)), sum(least(y, 50)), sum(x * x), sum(x * y), sum(z)
FROM units GROUP BY arm
"""
PLAIN_FEEDBACK = """
WITH units AS (
    SELECT exposed_unit, arg_min(variant_assigned, at_time) AS arm, min(at_time) AS since
    FROM requests
    WHERE experiment = 'tuned-vs-base' AND enrolled AND at_time >= $start
    GROUP BY exposed_unit
), said AS (
    SELECT u.exposed_unit, u.arm, f.subject, arg_max(f.boolean::INT, f.at_time) AS value
    FROM feedback f JOIN units u ON u.exposed_unit = f.subject_unit
    WHERE f.key = 'resolved' AND f.at_time BETWEEN u.since AND u.since + INTERVAL 1 DAY
    GROUP BY ALL
)
SELECT arm, count(*), avg(value), var_samp(value)
FROM (SELECT arm, exposed_unit, avg(value) AS value FROM said GROUP BY ALL) GROUP BY arm
"""
PLAIN_ATTEMPTS = """
SELECT r.variant_assigned, count(*), count(*) FILTER (a.fault = 'upstream')
FROM attempts a JOIN requests r USING (request_id)
WHERE r.experiment = 'tuned-vs-base' AND r.enrolled
GROUP BY ALL
"""


MIB = 1 << 20


class Timing(NamedTuple):
    """Seconds on the clock, and of a core."""

    seconds: float
    cpu: float


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the store is made and stays; default: a folder that goes")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        rows = list(measure(wanted.folder or Path(temporary), wanted))
    if wanted.json:
        print(json.dumps(dict(rows)))
        return
    for name, value in rows:
        shown = f"{value:>10,.2f}" if isinstance(value, float) else f"{value:>10,}"
        print(f"{name:<60} {shown}")


def measure(folder: Path, wanted: argparse.Namespace) -> Iterator[tuple[str, float | int]]:
    """A name and its seconds, ratio or count."""
    folder.mkdir(exist_ok=True)
    project, size = make_project(folder), Size(wanted.requests, wanted.units)
    now = [START_US]
    fresh = not project.layout.store.exists()
    with closing(Database.open(project.layout)) as database:
        publisher = PlanPublisher(
            database, project.path, lambda: load_project(project.path, {}), clock_us=lambda: now[0]
        )
        publisher.refresh(keys_changed=True)
        monitor = ExperimentMonitor(database, publisher, lambda: now[0], rest=0)
        if fresh:
            monitor.step()
            for count in fill(database, project, size):
                print(f"{count:,} of {size.requests:,}", file=sys.stderr)
        now[0] = START_US + WEEK_US
        yield "requests", wanted.requests
        yield "units", wanted.units
        stored = analysis_plans.newest(database, NAME)
        if stored is None:
            raise SystemExit("the store has no frozen plan")
        yield from _steps(database, monitor, stored.plan, now)
        yield "500 more requests into the sums, seconds of a core", _more(database, project, size).cpu
        yield from _page(database, publisher, monitor.statuses[NAME], now[0])
    yield "memory at most, MiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // MIB


def _steps(
    database: Database, monitor: ExperimentMonitor, plan: AnalysisPlan, now: list[int]
) -> Iterator[tuple[str, float]]:
    first = timed(monitor.step)
    yield "a step with a look, after a restart, seconds of a core", first.cpu
    now[0] += 2_000_000
    yield "a step between looks, seconds of a core", min(timed(monitor.step).cpu for _ in range(3))
    hashes = analysis_plans.hashes(database, plan)

    def harm() -> None:
        with database.read_transaction() as cursor:
            arm_sums.read_event_users(cursor, plan, hashes)

    yield "the test for harm after errors, seconds of a core", min(timed(harm).cpu for _ in range(3))
    now[0] += 3_700_000_000
    yield "a step with a look, an hour later, seconds of a core", timed(monitor.step).cpu


def _page(database: Database, publisher: PlanPublisher, status: Status, now_us: int) -> Iterator[tuple[str, float]]:
    published = publisher.published
    if published is None:
        raise SystemExit("no plan is published")
    experiment = published.plan.experiments[NAME]

    def page() -> None:
        describe_decision(database, experiment, status.step.waits, now_us=now_us)

    def plain() -> None:
        bound: Mapping[str, Any] = {"start": _time(START_US)}
        for sql in (PLAIN_REQUESTS, PLAIN_FEEDBACK, PLAIN_ATTEMPTS):
            database.rows(sql, bound if "$start" in sql else ())

    ours, theirs = (min((timed(one) for _ in range(2)), key=lambda one: one.seconds) for one in (page, plain))
    yield "the page's data, seconds", ours.seconds
    yield "plain queries for the same figures, seconds", theirs.seconds
    yield "ratio", ours.seconds / theirs.seconds


def _time(at_us: int) -> Any:
    from fairtrial.store.core.query import timestamp

    return timestamp(at_us)


def _more(database: Database, project: Project, size: Size) -> Timing:
    """Fold 500 more requests."""
    best = Timing(9e9, 9e9)
    for number in range(3):
        first = size.requests + 500 * number
        insert(database, project, size, first, first + 500)
        best = min(best, timed(lambda: unit_summaries.update_sums(database)), key=lambda one: one.cpu)
    return best


def timed(step: Callable[[], object]) -> Timing:
    """Seconds that the step takes."""
    clock, cpu = time.perf_counter(), time.process_time()
    step()
    return Timing(time.perf_counter() - clock, time.process_time() - cpu)


if __name__ == "__main__":
    main()
