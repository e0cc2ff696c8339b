"""What control costs while requests arrive: with many experiments and on a large store, beside one experiment.

    python benchmarks/monitor.py [--requests 5000000] [--experiments 20] [--seconds 60] [--rounds 2] [--folder DIR]

Every control process runs as `fairtrial control` on a store of its own, and all of them at once; requests are written
to one journal at a time, in turns. Printed are control's CPU for each request, the time from a burst of failures to the
published kill, and the time of `/api/routes` and of the Overview over a week. Ratios are of the same run. A missed
limit is printed as *missed*, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT)  # a file beside this one has the name of a package of ours

from benchmarks.monitored_store import NAME, WEEK_US, Size, fill, make_project, route_of  # noqa: E402
from benchmarks.store import Running, control  # noqa: E402
from fairtrial.config.plan.published import read  # noqa: E402
from fairtrial.config.project import Project, load_project  # noqa: E402
from fairtrial.domain.errors import PlanRefused  # noqa: E402
from fairtrial.domain.events import RequestEvent  # noqa: E402
from fairtrial.journal.writer import JournalWriter  # noqa: E402
from fairtrial.store.core.database import Database  # noqa: E402
from gateway.control.background.experiment_monitor import ExperimentMonitor  # noqa: E402
from gateway.control.background.plan_publisher import PlanPublisher  # noqa: E402
from tests.fixtures.store.samples import attempt_of, exposed  # noqa: E402

EACH = 5
"""Requests of a unit."""
FAILING = 40
"""One request of so many fails: at 80 a second, one or more in each half second."""
BURST = 800
"""Failures of new units of one treatment, which prove harm on any of the stores."""
WARM_SECONDS = 15.0
SETTLE_SECONDS = 4.0
"""How long a store is left alone after its turn, so that its last steps count as its own."""
TIMES = 5
SHARED, ALONE = "all share the traffic", "one of them gets the traffic"


@dataclass
class Case:
    """One store under a running control process. ``per_second``: requests; ``shared``: by all experiments."""

    name: str
    project: Project
    running: Running
    per_second: int
    shared: bool
    journal: JournalWriter = field(init=False)
    plan_hash: str = field(init=False)
    number: int = 0
    micros: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = JournalWriter(self.project.layout.journal, writer="bench")
        self.plan_hash = self._published().plan.plan_hash

    def turn(self, seconds: float) -> None:
        """Requests for so long; what control used, for each of them."""
        before, sent = self.running.cpu(), self.number
        self.send(seconds)
        time.sleep(SETTLE_SECONDS)
        self.micros.append(1e6 * (self.running.cpu() - before) / (self.number - sent))

    def send(self, seconds: float) -> None:
        """Requests at a steady rate."""
        began, sent = time.monotonic(), self.number
        while (passed := time.monotonic() - began) < seconds:
            while self.number - sent < passed * self.per_second:
                self.request()
            time.sleep(0.01)

    def request(self, *, variant: str | None = None, fails: bool | None = None) -> None:
        """One request of a unit that is new or one of the last few."""
        self.number += 1
        experiments = list(self.project.plan.experiments.values())
        unit = self.number // EACH
        experiment = experiments[unit % len(experiments) if self.shared else 0]
        failed = self.number % FAILING == 0 if fails is None else fails
        arm = variant or ("base", "tuned")[random.Random(unit).getrandbits(1)]
        now_us, ended = time.time_ns() // 1000, "failed" if failed else "answered"
        attempt = attempt_of(
            self.number, at_us=now_us, deployment=arm, outcome=ended, fault="upstream" if failed else None
        )
        self.journal.append(self._event(experiment.name, arm, f"new-{unit}", now_us, failed=failed, attempt=attempt))

    def _event(self, name: str, arm: str, unit: str, now_us: int, *, failed: bool, attempt: Any) -> RequestEvent:
        ended = "failed" if failed else "answered"
        return exposed(
            self.number, assigned=arm, served=arm, experiment=name, route=route_of(name), unit=unit, at_us=now_us,
            request_id=f"new-{self.number}", plan_hash=self.plan_hash, state="running", stage=100.0,
            analysis_hash=self.project.plan.experiments[name].analysis_hash, attempts=[attempt], latency_ms=250.0,
            status=500 if failed else 200, outcome="error" if failed else "ok", arm_outcome=ended, user_outcome=ended,
            reason="assigned", enrolled=True,
        )  # fmt: skip

    def kill_seconds(self) -> float:
        """From the last failure of a burst, amid other traffic, to the published kill."""
        self.send(SETTLE_SECONDS)
        shared, self.shared = self.shared, False
        for _ in range(BURST):
            self.number = (self.number // EACH + 1) * EACH  # a new unit for each
            self.request(variant="tuned", fails=True)
        self.shared, failed_at = shared, time.monotonic()
        while self._published().plan.experiments[NAME].state == "running":
            if time.monotonic() - failed_at > 120:
                return float("inf")
            self.send(0.05)
        return time.monotonic() - failed_at

    def _published(self) -> Any:
        for _ in range(100):
            try:
                return read(self.project.layout.plan)
            except PlanRefused:  # it is being replaced
                time.sleep(0.01)
        raise SystemExit("no plan is published")


def made(folder: Path, experiments: int, requests: int) -> Project:
    """A project whose experiments run since a week, with so many requests; kept if the folder has one."""
    if (config := folder / "fairtrial.yaml").exists():
        return load_project(config, {})
    folder.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    more = f'control: {{bind: "127.0.0.1:{port}"}}\ngateway: {{bind: "127.0.0.1:9"}}\n'
    project = make_project(folder, experiments, more)
    size = Size(requests, max(1, requests // EACH), time.time_ns() // 1000 - WEEK_US)
    now_us = size.start_us
    with closing(Database.open(project.layout)) as database:
        publisher = PlanPublisher(
            database, project.path, lambda: load_project(project.path, {}), clock_us=lambda: now_us
        )
        publisher.refresh(keys_changed=True)
        ExperimentMonitor(database, publisher, lambda: now_us, rest=0).step()
        for stored in fill(database, project, size):
            print(f"{folder.name}: {stored:,} requests", file=sys.stderr)
    return project


@contextmanager
def running_cases(folder: Path, wanted: argparse.Namespace) -> Iterator[dict[str, Case]]:
    """All stores, each under a control process of its own."""
    many, base = wanted.experiments, wanted.base_requests
    stores = {
        "one": (1, base, 80, True),
        "many": (many, wanted.requests, 80, True),
        "young one": (1, 0, 200, True),
        "young alone": (many, 0, 200, False),
        "young shared": (many, 0, 200, True),
    }
    with ExitStack() as stack:
        cases = {}
        for name, (experiments, requests, rate, shared) in stores.items():
            project = made(folder / name.replace(" ", "-"), experiments, requests)
            cases[name] = Case(name, project, stack.enter_context(control(project)), rate, shared)
        for case in cases.values():
            stack.callback(case.journal.close)
        yield cases


@dataclass(frozen=True, slots=True)
class Result:
    """One figure with its limit."""

    what: str
    value: float
    limit: float | None = None

    @property
    def is_missed(self) -> bool:
        """Whether it is above the limit."""
        return self.limit is not None and self.value > self.limit

    def __str__(self) -> str:
        judged = "" if self.limit is None else f"   at most {self.limit:g}{', missed' if self.is_missed else ''}"
        return f"{self.what:<78} {self.value:10.3f}{judged}"


def requests(cases: dict[str, Case], wanted: argparse.Namespace) -> Iterator[Result]:
    """Control's CPU for each request, by turns, and the time to a kill."""
    for case in cases.values():
        case.send(WARM_SECONDS)
    for _ in range(wanted.rounds):
        for case in cases.values():
            case.turn(wanted.seconds)
    micros = {name: statistics.median(case.micros) for name, case in cases.items()}
    many, of = wanted.experiments, f"{wanted.experiments} experiments"
    stored = f"{wanted.requests:,} requests"
    yield Result(f"one experiment on {wanted.base_requests:,} requests, ms a request", micros["one"] / 1000)
    yield Result(f"{of} on {stored}, ms a request", micros["many"] / 1000, 2.0)
    yield Result(f"{of} on {stored}, times one on {wanted.base_requests:,}", micros["many"] / micros["one"])
    yield Result("one young experiment, ms a request", micros["young one"] / 1000)
    yield Result(f"{many} young experiments, {ALONE}, times one", micros["young alone"] / micros["young one"], 1.5)
    yield Result(f"{many} young experiments, {SHARED}, times one", micros["young shared"] / micros["young one"], 2.0)
    yield Result(f"{of} on {stored}, seconds from the failures to the kill", cases["many"].kill_seconds(), 2.0)


def pages(folder: Path, wanted: argparse.Namespace) -> Iterator[Result]:
    """The time of two pages over a week, in turns on a store of each size."""
    sizes = wanted.base_requests, wanted.requests
    with ExitStack() as stack:
        both = [stack.enter_context(control(made(folder / f"pages-{requests}", 1, requests))) for requests in sizes]
        for running in both:
            running.ingest()
        time.sleep(SETTLE_SECONDS)
        for name, ask in {"/api/routes": routes, "the Overview": overview}.items():
            seconds: tuple[list[float], list[float]] = [], []
            for _ in range(TIMES + 1):
                for running, found in zip(both, seconds, strict=True):
                    found.append(timed(running, ask))
            one, many = (statistics.median(found[1:]) for found in seconds)
            yield Result(f"{name}, a week of {sizes[0]:,} requests, ms of a core", 1000 * one)
            yield Result(f"{name}, a week of {sizes[1]:,} requests, ms of a core", 1000 * many)
            yield Result(f"{name}, times {sizes[0]:,} requests", many / one, 2.0)


def timed(running: Running, ask: Callable[[Running], None]) -> float:
    """Seconds of a core, over some calls, because its count has steps of 10 ms."""
    before = running.cpu()
    for _ in range(4):
        ask(running)
    return max(running.cpu() - before, 0.01) / 4


def routes(running: Running) -> None:
    """What `/api/routes` answers by default: the last week."""
    running.get("/api/routes")


def overview(running: Running) -> None:
    """All that the page asks for, over the last week."""
    since_us = time.time_ns() // 60_000_000_000 * 60_000_000 - WEEK_US
    for path in ("/api/services", "/api/store"):
        running.get(path)
    running.get("/api/experiments", since_us=since_us)
    running.get("/api/gates", limit=20)
    running.get("/api/feedback/attributions", limit=1000)


def main() -> None:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5_000_000)
    parser.add_argument("--base-requests", type=int, default=1_000_000, help="of the store with one experiment")
    parser.add_argument("--experiments", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=("requests", "pages"))
    parser.add_argument("--folder", type=Path, help="where the stores are made and stay; default: a folder that goes")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fairtrial-monitor-") as temporary:
        folder, results = wanted.folder or Path(temporary), list[Result]()
        if wanted.only != "pages":
            with running_cases(folder, wanted) as cases:
                results += requests(cases, wanted)
        if wanted.only != "requests":
            results += pages(folder, wanted)
    print(json.dumps([asdict(each) for each in results]) if wanted.json else "\n".join(map(str, results)))
    sys.exit(1 if any(each.is_missed for each in results) else 0)


if __name__ == "__main__":
    main()
