"""How soon an arm that fails is taken out, on real sockets: from the deciding event to the plan, and to the workers.

``python benchmarks/kill.py [--runs 20] [--per-second 100] [--sick 0.05] [--fallback] [--json]``. Each run starts a
fresh project with `fairtrial up` and two workers. The control fails 1 % of its requests and the candidate ``--sick`` of
them, from the first user on; each user sends one request. The benchmark ends a run when the experiment was killed.

The recorded requests are then replayed through the same monitor in memory, one at a time in the order in which they
ended. The *deciding event* is the first one at which that replay kills. Printed are the users of each arm at that
event against the planner's number, whether control's own kill agrees with the replay, the time from the deciding event
to the published plan, and the time until the last worker followed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

import httpx  # noqa: E402

from benchmarks.wire.servers import free_port  # noqa: E402
from fairtrial.config.layout import Layout  # noqa: E402
from fairtrial.experiments.analysis.memory import Memory  # noqa: E402
from fairtrial.experiments.analysis_plan import AnalysisPlan  # noqa: E402
from fairtrial.experiments.monitor import Circumstances, step  # noqa: E402
from fairtrial.experiments.sums import ArmSums, Sums  # noqa: E402
from fairtrial.stats.planning.courses import ConversionRule, conversion_course  # noqa: E402
from fairtrial.stats.sequential.request_errors import RequestErrors  # noqa: E402
from fairtrial.store.core.database import Database  # noqa: E402
from fairtrial.store.experiments import analysis_plans  # noqa: E402

HEALTHY = 0.01
MOST_USERS = 6_000
METRIC = "requests.error_rate"
PROJECT = """
version: 1
deployments:
  base: {{model: openai/base, base_url: "http://127.0.0.1:{upstream}/v1"}}
  tuned: {{model: openai/tuned, base_url: "http://127.0.0.1:{upstream}/v1"}}
  spare: {{model: openai/spare, base_url: "http://127.0.0.1:{upstream}/v1"}}
routes:
  bot: {{experiment: trial{fallback}}}
experiments:
  trial:
    question: Does the candidate fail more often?
    unit: user
    control: base
    variants: {{base: {{deployment: base}}, tuned: {{deployment: tuned}}}}
    split: {{base: 50, tuned: 50}}
    guardrails: [{{metric: requests.error_rate, margin: 1pp}}]
    salt: run-{run}
gateway: {{bind: "127.0.0.1:{gateway}", workers: 2}}
control: {{bind: "127.0.0.1:{control}"}}
"""
ANSWER = json.dumps(
    {
        "id": "chatcmpl-kill",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }
).encode()


class Upstream(BaseHTTPRequestHandler):
    """Fails for a fixed share of the users, by a hash of the model and the user."""

    protocol_version = "HTTP/1.1"
    rates: ClassVar[dict[str, float]] = {}
    run = 0

    def do_POST(self) -> None:
        """Answer a chat."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        drawn = hashlib.sha256(f"{self.run} {body['model']} {body['messages'][0]['content']}".encode()).digest()
        fails = int.from_bytes(drawn[:8], "big") / 2**64 < self.rates.get(body["model"], 0.0)
        text = b'{"error": {"message": "overloaded", "type": "server_error"}}' if fails else ANSWER
        self.send_response(500 if fails else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: users at the deciding event, seconds to the plan and to the workers, and whether the replay agrees."""

    control_users: int
    candidate_users: int
    to_plan: float
    to_workers: float
    agrees: bool


def main() -> None:
    """Run, and print one line for each figure."""
    options = _options()
    Upstream.rates = {"base": HEALTHY, "tuned": options.sick, "spare": 0.0}
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    runs = [_run(number, upstream.server_port, options) for number in range(options.runs)]
    upstream.shutdown()
    _print(runs, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--per-second", type=float, default=100.0)
    parser.add_argument("--sick", type=float, default=0.05)
    parser.add_argument("--fallback", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _run(number: int, upstream_port: int, options: argparse.Namespace) -> Run:
    Upstream.run = number
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        with _up(folder, number, upstream_port, fallback=options.fallback) as port:
            asyncio.run(_send(port, options.per_second))
        found = _measured(Layout(folder / "fairtrial.duckdb"))
    print(
        f"run {number + 1}: {found.candidate_users} users of the candidate, plan after {found.to_plan:.2f} s, "
        f"workers after {found.to_workers:.2f} s, {'agrees' if found.agrees else 'DISAGREES'}",
        file=sys.stderr,
    )
    return found


@contextmanager
def _up(folder: Path, number: int, upstream_port: int, *, fallback: bool) -> Iterator[int]:
    gateway, control = free_port(), free_port()
    (folder / "fairtrial.yaml").write_text(
        PROJECT.format(
            upstream=upstream_port, gateway=gateway, control=control, run=number,
            fallback=", fallback: spare" if fallback else "",
        )
    )  # fmt: skip
    command = [sys.executable, "-m", "fairtrial_cli.main", "up", "--no-dashboard"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_ready(gateway)
        time.sleep(3.0)  # the monitor freezes the plan in its first step
        yield gateway
        time.sleep(1.5)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _await_ready(port: int) -> None:
    for _ in range(300):
        with suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    raise SystemExit("the gateway did not become ready")


async def _send(port: int, per_second: float) -> None:
    """One request of each user at a steady rate, until the kill shows in the answers of a second."""
    killed = asyncio.Event()
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=64)) as client:

        async def visit(user: int) -> None:
            body = {"model": "bot", "messages": [{"role": "user", "content": f"user {user}"}], "user": f"user-{user}"}
            answer = await client.post(url, json=body)
            if answer.headers.get("x-fairtrial-reason") == "kill":
                killed.set()

        tasks: set[asyncio.Task[None]] = set()
        after = 0
        for user in range(MOST_USERS):
            tasks.add(asyncio.create_task(visit(user)))
            await asyncio.sleep(1 / per_second)
            tasks = {task for task in tasks if not task.done()}
            after += killed.is_set()
            if after > per_second:
                break
        await asyncio.gather(*tasks)


def _measured(layout: Layout) -> Run:
    with closing(Database.open(layout)) as database:
        rows = database.rows(
            "SELECT variant_assigned, arm_outcome = 'failed', epoch_us(at_time) + CAST(1000 * latency_ms AS BIGINT) "
            "FROM requests WHERE experiment_state = 'running' ORDER BY 3"
        )
        [(killed_us, evidence)] = database.rows(
            "SELECT epoch_us(at_time), evidence FROM transitions WHERE action = 'kill'"
        )
        ((published_us,),) = database.rows(
            "SELECT min(epoch_us(at_time)) FROM published_plans WHERE epoch_us(at_time) >= ?", (killed_us,)
        )
        ((last_us,),) = database.rows("SELECT max(epoch_us(at_time)) FROM requests WHERE experiment_state = 'running'")
        stored = analysis_plans.newest(database, "trial")
    if stored is None:
        raise SystemExit("control has frozen no plan")
    plan = stored.plan
    decided = _replayed(plan, rows)
    units = json.loads(evidence)["units"]
    seen = {name: sum(arm == name for arm, _, _ in rows) for name in units}
    at_kill = all(units[name] <= seen[name] for name in units)
    return Run(
        decided[1]["base"], decided[1]["tuned"],
        (published_us - decided[0]) / 1e6, max(0.0, (last_us - published_us) / 1e6),
        at_kill and decided[0] <= killed_us and _harmful(plan, rows, units),
    )  # fmt: skip


def _replayed(plan: AnalysisPlan, rows: Sequence[tuple[str, bool, int]]) -> tuple[int, dict[str, int]]:
    """The time of the deciding event and the users of each arm then, one event at a time."""
    users, failed, memory = {"base": 0, "tuned": 0}, {"base": 0, "tuned": 0}, Memory()
    for arm, fails, at_us in rows:
        users[arm] += 1
        failed[arm] += fails
        if not (fails and min(users.values())):
            continue
        found = step(plan, memory, _sums(users, failed, at_us), Circumstances(at_us, 100.0, 0))
        memory = found.memory
        if found.verdict is not None and found.verdict.do == "kill":
            return at_us, users
    raise SystemExit("the replay of the recorded requests does not kill, but control did")


def _harmful(plan: AnalysisPlan, rows: Sequence[tuple[str, bool, int]], units: dict[str, int]) -> bool:
    """Whether the first users of each arm, as many as control had seen, kill in memory too."""
    kept = {name: [fails for arm, fails, _ in rows if arm == name][: units[name]] for name in units}
    failed = {name: sum(fails) for name, fails in kept.items()}
    found = step(plan, Memory(), _sums(units, failed, rows[-1][2]), Circumstances(rows[-1][2], 100.0, 0))
    return found.verdict is not None and found.verdict.do == "kill"


def _sums(users: dict[str, int], failed: dict[str, int], at_us: int) -> Sums:
    arms = {}
    for name, number in users.items():
        errors = RequestErrors.of([1] * failed[name] + [0] * (number - failed[name]), [1] * number)
        arms[name] = ArmSums(number, number, {METRIC: errors})
    return Sums(at_us, arms)


def _print(runs: Sequence[Run], options: argparse.Namespace) -> None:
    rule = ConversionRule(lift=1.0, side="more")
    planned = conversion_course(rule, control=HEALTHY, treatment=options.sick, units=2 * MOST_USERS).mean_stop / 2
    users = [one.candidate_users for one in runs]
    spread = statistics.stdev(users) / len(users) ** 0.5 if len(users) > 1 else 0.0
    found = {
        "runs": len(runs),
        "users of the candidate at the deciding event": statistics.mean(users),
        "standard error": spread,
        "planner": planned,
        "agree with the replay": sum(one.agrees for one in runs),
        "seconds to the plan, p95": sorted(one.to_plan for one in runs)[max(0, round(0.95 * len(runs)) - 1)],
        "seconds to the last worker, most": max(one.to_workers for one in runs),
    }
    if options.json:
        print(json.dumps(found, default=str))
        return
    for name, value in found.items():
        print(f"{name:<48} {value:.2f}" if isinstance(value, float) else f"{name:<48} {value}")


if __name__ == "__main__":
    main()
