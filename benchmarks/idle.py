"""What `fairtrial up` costs at rest and with little traffic, and how soon answers are in the store with much.

``python benchmarks/idle.py [--rest 60] [--rates 10,100] [--load 30] [--per-second 3500] [--seconds 100] [--json]``.
A fresh project of `fairtrial init` is started as a user would, with its deployments on an instant upstream.

*At rest*: CPU (the scheduler's own count) and voluntary context switches of each process, and of a Python loop that
sleeps 50 ms at a time. *With little traffic*: control's CPU while requests come at a steady rate, for ``--load``
seconds, and the CPU of a bare bulk insert of the same decoded requests in one transaction. *With much*: the time from
an answer to the transaction that stores it, by the ledger of offsets, and whether any answer is missing. Load generator
and upstream run on the same cores and take their share; their CPU is printed too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

from benchmarks.stored_answers import stored  # noqa: E402
from benchmarks.wire.processes import cpu_seconds, switches, tree  # noqa: E402
from benchmarks.wire.servers import await_answer, ended, upstream  # noqa: E402
from fairtrial.config.layout import Layout  # noqa: E402
from fairtrial.domain.events import RequestEvent  # noqa: E402
from fairtrial.journal.reader import decode  # noqa: E402
from fairtrial.journal.segment import names  # noqa: E402
from fairtrial.store.core.database import Database  # noqa: E402
from fairtrial.store.ingest.request_columns import insert_requests  # noqa: E402

FAIRTRIAL = [sys.executable, "-m", "fairtrial_cli.main"]
ROUTE, SERVED = "support-bot", "bench"
SLEEPER = "import time\nwhile True: time.sleep(0.05)"
SETTLE_SECONDS = 15.0
DEFAULT_PORTS = (8000, 8080, 8081, 8501)
"""The ports that `init` writes for models, gateway, control and dashboard; the first release can write no others."""
KINDS = {"control": "control", "gateway": "gateway", "gateway.proxy.worker": "worker", "streamlit": "dashboard"}
KINDS |= {"dashboard.serve": "dashboard", "up": "up"}


@dataclass(frozen=True, slots=True)
class Up:
    """A project that runs: its folder, the port of its gateway, and the process of `fairtrial up`."""

    folder: Path
    port: int
    pid: int

    def pids(self) -> dict[str, list[int]]:
        """The processes by what they are."""
        found: dict[str, list[int]] = {}
        for pid in tree(self.pid):
            found.setdefault(_kind(pid), []).append(pid)
        return found


@contextmanager
def project(
    folder: Path,
    upstream_port: int,
    program: Sequence[str] = FAIRTRIAL,
    environment: Mapping[str, str] = os.environ,
    options: Sequence[str] = (),
) -> Iterator[Up]:
    """`fairtrial init`, its models on the upstream and its route under the generator's name, and `fairtrial up`."""
    port = _free_ports()
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "env": environment}
    subprocess.run([*program, "init", str(folder)], cwd=folder.parent, **quiet)  # packages lie in other folders
    config = folder / "fairtrial.yaml"
    text = config.read_text().replace(f"  {ROUTE}:", f"  {SERVED}:")
    for default, free in zip(DEFAULT_PORTS, (upstream_port, port, port + 1, port + 2), strict=True):
        text = text.replace(f"127.0.0.1:{default}", f"127.0.0.1:{free}")
    config.write_text(text)
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen([*program, "up", *options], cwd=folder, stdout=log, stderr=log, env=environment)
    with ended(process, number=signal.SIGINT, seconds=60):
        _await_up(folder / "up.log", process)
        await_answer(port)
        yield Up(folder, port, process.pid)


def at_rest(up: Up, seconds: float) -> dict[str, Any]:
    """Percent of a core and voluntary switches a second, for each process and in all."""
    time.sleep(SETTLE_SECONDS)
    with subprocess.Popen([sys.executable, "-c", SLEEPER]) as sleeper:
        time.sleep(1)
        watched = {pid: kind for kind, pids in up.pids().items() for pid in pids} | {sleeper.pid: "sleeping loop"}
        before = {pid: (cpu_seconds(pid, alone=True), switches(pid)) for pid in watched}
        time.sleep(seconds)
        after = {pid: (cpu_seconds(pid, alone=True), switches(pid)) for pid in watched}
        sleeper.terminate()
    rows = [
        {
            "process": kind,
            "percent": 100 * (after[pid][0] - before[pid][0]) / seconds,
            "switches": (after[pid][1] - before[pid][1]) / seconds,
        }
        for pid, kind in watched.items()
    ]
    ours = [row for row in rows if row["process"] != "sleeping loop"]
    total = {name: sum(row[name] for row in ours) for name in ("percent", "switches")}
    plain = rows[-1]["percent"]
    return {"processes": rows, "all": total, "times_sleeping_loop": total["percent"] / plain}


def little_traffic(up: Up, per_second: int, seconds: float) -> dict[str, float]:
    """Percent of a core that control uses at this rate, and how many times a bare bulk insert that is."""
    (control,) = up.pids()["control"]
    marks = _sizes(up)
    generate(up, seconds=1, per_second=per_second)
    time.sleep(1)
    before = cpu_seconds(control)
    generate(up, seconds=seconds, per_second=per_second)
    time.sleep(1)
    used = cpu_seconds(control) - before
    bare = _bare_insert(_lines_since(up, marks), up.folder)
    return {"per_second": per_second, "percent": 100 * used / seconds, "times_bulk_insert": used / bare}


def _bare_insert(lines: list[bytes], folder: Path) -> float:
    """CPU seconds of inserting these lines into an empty store, all in one transaction."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        database = Database.open(Layout(Path(place) / "bare.duckdb").make())
        events = [event for event in map(decode, lines) if isinstance(event, RequestEvent)]
        before = time.process_time()
        with database.transaction() as cursor:
            insert_requests(cursor, events, secret="")
        used = time.process_time() - before
        database.close()
    return used


def much_traffic(up: Up, per_second: int, seconds: float) -> dict[str, Any]:
    """CPU of each kind of process while requests come at this rate for so long."""
    pids = {pid: kind for kind, found in up.pids().items() for pid in found}
    before = {pid: cpu_seconds(pid, alone=True) for pid in pids}
    begun_us = time.time_ns() // 1000
    sent = generate(up, seconds=seconds, per_second=per_second)
    used: dict[str, float] = {"load generator": sent["cpu_seconds"]}
    for pid, kind in pids.items():
        used[kind] = used.get(kind, 0.0) + cpu_seconds(pid, alone=True) - before[pid]
    return {**sent, "per_second": per_second, "begun_us": begun_us, "cpu_seconds": used}


def generate(up: Up, *, seconds: float, per_second: int) -> dict[str, Any]:
    """The load generator in a process of its own: what it counted, and its CPU."""
    command = [sys.executable, str(HERE / "wire" / "load.py"), "steady", str(up.port), str(seconds), str(per_second)]
    before = os.times()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return {**msgspec.json.decode(done.stdout), "cpu_seconds": used}


def _sizes(up: Up) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in names(Layout(up.folder / "fairtrial.duckdb").journal)}


def _lines_since(up: Up, marks: dict[str, int]) -> list[bytes]:
    found: list[bytes] = []
    for path in names(Layout(up.folder / "fairtrial.duckdb").journal):
        if path.name in marks:
            found += path.read_bytes()[marks[path.name] :].splitlines(keepends=True)
    return found


def _kind(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return next((KINDS[word] for word in words if word in KINDS), "other")


def _await_up(log: Path, process: subprocess.Popen[bytes]) -> None:
    while b"Ctrl-C" not in log.read_bytes():
        if process.poll() is not None:
            raise RuntimeError(log.read_text())
        time.sleep(0.1)


def _free_ports() -> int:
    """The first of four ports in a row that nobody listens on, below those that the kernel gives to clients."""
    while True:
        first = random.randrange(10_000, 30_000, 4)
        with contextlib.suppress(OSError), ExitStack() as stack:
            for port in range(first, first + 4):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All of it, in one project."""
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fairtrial-idle-"))) / "project"
        plain = stack.enter_context(upstream())
        with project(folder, plain.port) as up:
            if arguments.rest:
                found["rest"] = at_rest(up, arguments.rest)
            rates = [int(one) for one in arguments.rates.split(",") if one]
            found["little"] = [little_traffic(up, one, arguments.load) for one in rates]
            if arguments.seconds:
                before = cpu_seconds(plain.pid)
                found["much"] = much_traffic(up, arguments.per_second, arguments.seconds)
                found["much"]["cpu_seconds"]["upstream"] = cpu_seconds(plain.pid) - before
        if arguments.seconds:
            found["much"] |= stored(folder, found["much"]["begun_us"], found["much"]["answers"])
        if arguments.keep:
            shutil.copytree(folder, arguments.keep)
    return found


def report(found: dict[str, Any]) -> str:
    """The figures in words."""
    lines: list[str] = []
    if "rest" in found:
        rest = found["rest"]
        for row in [*rest["processes"], {"process": "all of fairtrial", **rest["all"]}]:
            lines.append(
                f"at rest: {row['process']:18} {row['percent']:6.3f} % of a core {row['switches']:7.1f} switches/s"
            )
        lines.append(f"at rest: {rest['times_sleeping_loop']:.1f} times a Python loop that sleeps 50 ms at a time")
    for row in found["little"]:
        lines.append(
            f"control at {row['per_second']:4} requests/s: {row['percent']:.2f} % of a core, "
            f"{row['times_bulk_insert']:.1f} times a bare bulk insert of the same lines"
        )
    if "much" in found:
        much = found["much"]
        lines.append(
            f"{much['per_second']} requests/s, {much['answers']:,} answers, {much['turned_away']:,} turned away: "
            f"missing {much['missing']}, twice {much['twice']}"
        )
        lines.append(f"stored after p50 {much['p50']:.3f} s, p95 {much['p95']:.3f} s, at most {much['max']:.3f} s")
        lines.append("CPU seconds: " + ", ".join(f"{name} {used:.1f}" for name, used in much["cpu_seconds"].items()))
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rest", type=float, default=60, help="seconds at rest; 0 leaves it out")
    parser.add_argument("--rates", default="10,100", help="requests a second, for control's CPU")
    parser.add_argument("--load", type=float, default=30, help="seconds of each of these rates")
    parser.add_argument("--per-second", type=int, default=3500, help="requests a second, for freshness")
    parser.add_argument("--seconds", type=float, default=100, help="how long; 0 leaves it out")
    parser.add_argument("--keep", type=Path, help="copy the project here in the end")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments)
    print(json.dumps(found, indent=2) if arguments.json else report(found))


if __name__ == "__main__":
    main()
