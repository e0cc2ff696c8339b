"""Seconds and memory of the pages, the listings and the care of a store of ten million requests, beside plain queries.

    python benchmarks/store.py [--requests 10000000] [--body 200] [--folder DIR] [--json]

A store of that many requests is made by SQL: thirty days, twenty requests for each unit, two experiments, feedback on
one request in twenty. Then the control process opens it, and what the dashboard asks for is asked over HTTP as it does.
The same figures are also asked of the file by plain queries, with the same engine and as much memory.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import httpx

sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

from benchmarks.store_rows import PARAMETER, PERSON, Wanted, fill  # noqa: E402
from fairtrial.config.layout import Layout  # noqa: E402
from fairtrial.config.project import Project, load_project  # noqa: E402
from fairtrial.domain.events import FeedbackEvent  # noqa: E402
from fairtrial.journal.writer import JournalWriter  # noqa: E402
from fairtrial.store.core import named_values  # noqa: E402
from fairtrial.store.core.database import Database  # noqa: E402
from fairtrial.store.core.engine import engine_settings  # noqa: E402

CONTROL = [sys.executable, "-m", "fairtrial_cli.main", "control"]
TIMES = 3
MIB = 1 << 20
HOUR_US = 3_600_000_000
WINDOWS: Mapping[str, int | None] = {"all time": None, "week": 168, "day": 24, "hour": 1}
PROJECT = """\
version: 1
deployments:
  base: {model: openai/base, base_url: http://127.0.0.1:9/v1}
  tuned: {model: openai/tuned, base_url: http://127.0.0.1:9/v1, parent: base}
routes:
  support: {experiment: support, fallback: base}
  sales: {experiment: sales, fallback: base}
  direct: {deployment: base}
metrics:
  resolved: {from: feedback, key: resolved, kind: boolean}
experiments:
  support:
    question: Does the tuned model resolve more?
    unit: user
    control: base
    variants: {base: {deployment: base}, tuned: {deployment: tuned}}
    split: {base: 50, tuned: 50}
  sales:
    question: Does it sell more?
    unit: user
    control: base
    variants: {base: {deployment: base}, tuned: {deployment: tuned}}
    split: {base: 50, tuned: 50}
control: {bind: "127.0.0.1:PORT"}
gateway: {bind: "127.0.0.1:9"}
"""
FIGURES = """
SELECT experiment, variant_assigned, count(*), count(DISTINCT unit), count(*) FILTER (arm_outcome = 'failed'),
    count(*) FILTER (user_outcome = 'failed'), count(*) FILTER (reason = 'fallback'), sum(tokens_in), sum(tokens_out),
    sum(cost_usd), quantile_cont(latency_ms, [0.5, 0.95, 0.99]), quantile_cont(ttft_ms, [0.5, 0.95, 0.99])
FROM requests
WHERE at_time >= $since AND experiment IS NOT NULL AND ($name IS NULL OR experiment = $name)
GROUP BY ALL
"""
REASONS = """
SELECT experiment, reason, count(*) FROM requests WHERE at_time >= $since AND enrolled IS NOT NULL GROUP BY ALL
"""
FEEDBACK = """
SELECT e.experiment, e.variant_assigned, f.key, count(*), avg(f.boolean::INTEGER)
FROM feedback f JOIN requests e ON e.request_id = f.subject
WHERE e.enrolled AND e.at_time >= $since AND f.at_time >= $since AND ($name IS NULL OR e.experiment = $name)
GROUP BY ALL
"""
SPLIT = """
SELECT arm, count(*) FROM (
    SELECT exposed_unit, arg_min(variant_assigned, at_time) AS arm FROM requests
    WHERE enrolled AND experiment = $name GROUP BY exposed_unit
) GROUP BY arm
"""
SPLIT_TOO = SPLIT.replace("$name", "'sales'")
SLOTS = """
SELECT date_trunc('day', at_time), variant_assigned, count(*), count(*) FILTER (arm_outcome = 'failed'),
    quantile_cont(latency_ms, [0.5, 0.95])
FROM requests WHERE at_time >= $since AND experiment = $name GROUP BY ALL
"""
SPREAD = """
SELECT variant_assigned,
    quantile_cont(latency_ms, [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99])
FROM requests WHERE at_time >= $since AND experiment = $name GROUP BY ALL
"""
LISTED = "SELECT * FROM requests WHERE {} ORDER BY at_time DESC, request_id DESC LIMIT 100 OFFSET {}"


class Timing(NamedTuple):
    """Seconds on the clock, and of a core: the second are the same however busy the machine is."""

    seconds: float
    cpu: float


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--body", type=int, default=200, help="letters of each of the two bodies together")
    parser.add_argument("--folder", type=Path, help="where the store is made and stays; default: a folder that goes")
    parser.add_argument(
        "--memory-mb", type=int, help="`store.memory_mb` of the project; default: what the machine gives"
    )
    parser.add_argument("--no-plain", action="store_true", help="leave the plain queries out")
    parser.add_argument("--no-care", action="store_true", help="leave retention, backup and erasure out")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        rows = measure(wanted.folder or Path(temporary), wanted)
        if wanted.json:
            print(json.dumps({name: {"value": value, "plain": plain} for name, value, plain in rows}))
            return
        print(f"{'':<48} {'seconds':>8} {'of a core':>10} {'plain':>8} {'of a core':>10} {'times':>6}")
        for name, value, plain in rows:
            print(f"{name:<48} {value:>8,}" if isinstance(value, int) else _line(name, value, plain), flush=True)


def measure(folder: Path, wanted: argparse.Namespace) -> Iterator[tuple[str, Timing | int, Timing | None]]:
    """A name, how long it took (or a count), and how long plain queries for the same took; memory in MiB."""
    project = a_project(folder, wanted.memory_mb)
    yield "requests", wanted.requests, None
    if not project.layout.store.exists():
        yield "making the store", timed(lambda: make(project, wanted.requests, wanted.body)), None
    yield "store, MiB", project.layout.store.stat().st_size // MIB, None
    plain = {} if wanted.no_plain else plain_figures(project)
    with control(project) as running:
        yield "start of control, until it answers", running.start, None
        yield "the first pass over the store", timed(running.ingest, running.cpu), None
        yield from ((name, seconds, plain.get(name)) for name, seconds in pages(running))
        yield "control after the pages, MiB", running.memory("VmRSS"), None
        yield from ((name, seconds, plain.get(name)) for name, seconds in listings(running))
        yield from ((name, seconds, plain.get(name)) for name, seconds in feedback(running, project))
        yield "control after the listings, MiB", running.memory("VmRSS"), None
        yield "control until now at most, MiB", running.memory("VmHWM"), None
        if not wanted.no_care:
            yield from ((name, seconds, None) for name, seconds in care_of(running, folder))
            yield "control at most, MiB", running.memory("VmHWM"), None
    with control(project) as running:
        yield "start of control, again", running.start, None


def a_project(folder: Path, memory_mb: int | None) -> Project:
    """Its file, and control at a free port."""
    import socket

    folder.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "fairtrial.yaml"
    config.write_text(
        PROJECT.replace("PORT", str(port)) + (f"store: {{memory_mb: {memory_mb}}}\n" if memory_mb else ""),
        encoding="utf-8",
    )
    return load_project(config, {})


def make(project: Project, requests: int, body: int) -> None:
    """The store, as migrations make it, and its rows."""
    layout = Layout(project.layout.store).make()
    database = Database.open(layout)
    pepper = named_values.pepper(database)
    database.close()
    with duckdb.connect(str(layout.store), config=engine_settings()) as connection:
        fill(connection, Wanted(requests, body, project.plan, pepper), lambda done: say(f"{done:,} requests"))


def plain_figures(project: Project) -> dict[str, Timing]:
    """Seconds of plain queries for what each page and listing shows."""
    found: dict[str, Timing] = {}
    with duckdb.connect(
        str(project.layout.store), read_only=True, config=engine_settings(project.layout.memory_mb)
    ) as connection:

        def ask(*queries: str, **bound: Any) -> Timing:
            def once() -> None:
                for query in queries:
                    used = {name: bound[name] for name in set(PARAMETER.findall(query))}
                    connection.execute(query, used).fetchall()

            return best(once)

        for window in WINDOWS:
            bound = {"since": datetime.fromtimestamp(since_us(window) / 1e6, UTC).replace(tzinfo=None)}
            one = bound | {"name": "support"}
            found[f"Overview, {window}"] = ask(
                FIGURES, REASONS, FEEDBACK, SPLIT.replace("$name", "'support'"), SPLIT_TOO, **bound, name=None
            )
            found[f"Experiment, {window}"] = ask(FIGURES, REASONS, FEEDBACK, SPLIT, SLOTS, SPREAD, **one)
        found["requests, newest"] = ask(LISTED.format("true", 0))
        found["requests, of one variant"] = ask(LISTED.format("experiment = 'sales' AND variant_assigned = 'tuned'", 0))
        found["requests, errors"] = ask(LISTED.format("outcome = 'error'", 0))
        found["requests, offset 100,000"] = ask(LISTED.format("true", 100_000))
        found["requests, page after the 100,000th"] = found["requests, offset 100,000"]
        ids = connection.execute("SELECT response_id, unit FROM requests LIMIT 1 OFFSET 1000").fetchone() or ("", "")
        scan = ask("SELECT request_id FROM requests WHERE response_id = $one", one=ids[0])
        found["feedback by response id, stored and attributed"] = scan
        units = (
            "SELECT DISTINCT experiment FROM requests WHERE unit = $one",
            "SELECT count(*) FROM requests WHERE exposed_unit = $one",
        )
        found["feedback by unit, stored and attributed"] = ask(*units, one=ids[1])
    return found


class Running:
    """The control process, asked over HTTP with the key of this machine; ``start``: seconds until it answered."""

    def __init__(self, process: subprocess.Popen[bytes], project: Project) -> None:
        began = time.perf_counter()
        self._process = process
        http = httpx.Client(base_url=project.control.url, timeout=600, trust_env=False)
        while not _answers(http):
            if process.poll() is not None:
                raise SystemExit("control did not start")
            time.sleep(0.02)
        self.start = Timing(time.perf_counter() - began, self.cpu())
        self._http = http
        http.headers["authorization"] = f"Bearer {project.layout.admin_key.read_text().strip()}"

    def get(self, path: str, **query: Any) -> Any:
        answer = self._http.get(path, params={name: value for name, value in query.items() if value is not None})
        return answer.raise_for_status().json()

    def ingest(self) -> None:
        self._http.post("/api/ingest", json={}).raise_for_status()

    def job(self, path: str, **wish: Any) -> None:
        """One job of the store's care, to its end."""
        started = self._http.post(path, json=wish).raise_for_status().json()
        while (job := self.get(f"/api/store/jobs/{started['job_id']}"))["state"] == "running":
            time.sleep(0.05)
        if job["state"] != "done":
            raise SystemExit(f"{path}: {job['error']}")

    def cpu(self) -> float:
        """Seconds of a core that the process has used until now."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, field: str) -> int:
        """MiB, of `/proc`."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(field))


@contextmanager
def control(project: Project) -> Iterator[Running]:
    """A control process of its own, ended in order."""
    with subprocess.Popen([*CONTROL, "-c", str(project.path)], stdout=subprocess.DEVNULL, cwd=project.root) as process:
        try:
            yield Running(process, project)
        finally:
            os.kill(process.pid, signal.SIGTERM)


def pages(running: Running) -> Iterator[tuple[str, Timing]]:
    """What the two pages ask for, window by window."""
    for window in WINDOWS:
        since = since_us(window)

        def overview(since: int = since) -> None:
            for path in ("/api/services", "/api/store"):
                running.get(path)
            running.get("/api/experiments", since_us=since)
            running.get("/api/gates", limit=20)
            running.get("/api/feedback/attributions", limit=1000)

        def experiment(since: int = since) -> None:
            running.get("/api/experiments", since_us=since_us("hour"))
            running.get("/api/experiments/support", since_us=since)
            running.get("/api/experiments/support/series", since_us=since)

        yield f"Overview, {window}", best(overview, running.cpu)
        yield f"Experiment, {window}", best(experiment, running.cpu)
    yield "routes, all time", best(lambda: running.get("/api/routes", since_us=0), running.cpu)
    yield "store info", best(lambda: running.get("/api/store"), running.cpu)


def listings(running: Running) -> Iterator[tuple[str, Timing]]:
    """Requests, by filter and by page."""

    def listed(**query: Any) -> Callable[[], None]:
        return lambda: running.get("/api/requests", **query)

    yield "requests, newest", best(listed(), running.cpu)
    yield "requests, of one variant", best(listed(experiment="sales", variant="tuned"), running.cpu)
    yield "requests, errors", best(listed(outcome="error"), running.cpu)
    yield "requests, offset 100,000", best(listed(offset=100_000), running.cpu)
    after = running.get("/api/requests", limit=1, offset=99_999)["next"]
    yield "requests, page after the 100,000th", best(listed(after=after), running.cpu)
    row = running.get("/api/requests", limit=1, after=after)["rows"][0]
    yield "one request", best(lambda: running.get(f"/api/requests/{row['request_id']}"), running.cpu)


def feedback(running: Running, project: Project) -> Iterator[tuple[str, Timing]]:
    """From a line in the journal until the figures count it."""
    row = running.get("/api/requests", limit=1, offset=min(50_000, 10))["rows"][0]
    about = {"response id": {"response_id": row["response_id"]}, "unit": {"unit": row["unit"]}}
    for kind, named in about.items():
        writer = JournalWriter(project.layout.journal, writer="benchmark")

        def once(named: dict[str, str] = named, writer: JournalWriter = writer) -> None:
            at_us = time.time_ns() // 1000
            event = FeedbackEvent(
                feedback_id=str(at_us), at_us=at_us, key="resolved", boolean=True, key_id="app", **named
            )
            writer.append(event)
            running.ingest()

        yield f"feedback by {kind}, stored and attributed", best(once, running.cpu)
        writer.close()


def care_of(running: Running, folder: Path) -> Iterator[tuple[str, Timing]]:
    """Each job once, from its beginning to its end."""
    steps: dict[str, Callable[[], None]] = {
        "retention, the oldest tenth": lambda: running.job("/api/store/retention", days=27),
        "backup": lambda: running.job("/api/store/backups", dest=str(folder.absolute() / f"backup-{time.time_ns()}")),
        "erasing a person": lambda: running.job("/api/store/erasures", unit=PERSON, kind="user"),
    }
    for name, step in steps.items():
        say(name)
        yield name, timed(step, running.cpu)


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def since_us(window: str) -> int:
    """When the window begins, microseconds since 1970, UTC."""
    hours = WINDOWS[window]
    return 0 if hours is None else time.time_ns() // 1000 - hours * HOUR_US


def best(step: Callable[[], object], cpu: Callable[[], float] = time.process_time) -> Timing:
    """The median of some repetitions."""
    return sorted(timed(step, cpu) for _ in range(TIMES))[TIMES // 2]


def timed(step: Callable[[], Any], cpu: Callable[[], float] = time.process_time) -> Timing:
    """Once; ``cpu`` is the clock of the process that does the work."""
    began, used = time.perf_counter(), cpu()
    step()
    return Timing(time.perf_counter() - began, cpu() - used)


def _line(name: str, value: Timing, plain: Timing | None) -> str:
    line = f"{name:<48} {value.seconds:>8.2f} {value.cpu:>10.2f}"
    if plain is None:
        return line
    return f"{line} {plain.seconds:>8.2f} {plain.cpu:>10.2f} {value.cpu / max(plain.cpu, 0.001):>6.1f}"


def say(text: str) -> None:
    """How far it is."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
