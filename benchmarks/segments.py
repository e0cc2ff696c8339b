"""Begins segments under traffic: by a re-arm, a resume with another model, and a promotion that keeps a control.

``python benchmarks/segments.py [--times 200] [--rate 20] [--seed N] [--json]``. Real control and two workers; each
segment ends as soon as its plan is frozen, or at a random moment of the three seconds after that. One request in ten
fails in both arms, so that the monitor steps after each ingest. Then the store is read: how many segments have one
frozen plan, and how many plans have the number of the attempt that the plans before them give. The exit code is 1 if
one differs; the folder is then kept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

import httpx  # noqa: E402

from benchmarks.crash_trials.services import PRESENT, Services  # noqa: E402
from fairtrial.config.layout import written_key  # noqa: E402
from fairtrial.experiments.analysis_plan import AnalysisPlan  # noqa: E402
from fairtrial.store.core.database import Database  # noqa: E402

NAME, FAILS = "trial", 0.1
MODELS = ["tuned", *(f"tuned-{number}" for number in range(1000))]
"""The candidate's model, and those that replace it."""
SENDERS = 4
LATER_SECONDS = 3.0
STARTS = "SELECT plan FROM analysis_plans WHERE kind = 'start' ORDER BY number"
BEGUN = "SELECT action, count(DISTINCT segment) FROM transitions WHERE segment > 1 AND action = $1 GROUP BY action"
ANSWER = json.dumps(
    {
        "id": "chatcmpl-segment",
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

    def do_POST(self) -> None:
        """Answer a chat."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        drawn = hashlib.sha256(f"{body['model']} {body['messages'][0]['content']}".encode()).digest()
        fails = int.from_bytes(drawn[:8], "big") / 2**64 < FAILS
        text = b'{"error": {"message": "overloaded", "type": "server_error"}}' if fails else ANSWER
        self.send_response(500 if fails else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Found:
    """Segments by what began them, those that were frozen more than once or never, and plans with a wrong attempt."""

    begun: dict[str, int]
    twice: list[int]
    never: list[int]
    wrong_attempts: list[int]
    statuses: dict[str, int]

    @property
    def sound(self) -> bool:
        return not (self.twice or self.never or self.wrong_attempts or set(self.statuses) - {"200", "500"})


def run(folder: Path, times: int, *, rate: float, seed: int) -> Found:
    """Begin as many segments in each of the three ways, under traffic."""
    draw = random.Random(seed)
    with ExitStack() as stack:
        services = Services(folder, stack.enter_context(_failing_upstream()), PRESENT)
        stack.callback(services.stop)
        services.start()
        statuses = stack.enter_context(_traffic(services.gateway_port, rate))
        control = stack.enter_context(_control(services))
        await_frozen(services, control, 1)
        for number in range(times):
            for action in ("rearm", "resume", "promote"):
                if draw.random() < 0.5:
                    services.pause(draw.random() * LATER_SECONDS)
                await_frozen(services, control, begin(services, control, action, number))
            if (number + 1) % 10 == 0:
                print(f"{3 * (number + 1)} of {3 * times} segments", file=sys.stderr, flush=True)
    return read(services, dict(statuses))


@contextmanager
def _failing_upstream() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _traffic(port: int, rate: float) -> Iterator[Counter[str]]:
    """Each user sends one request, so many a second in all; the counter has their statuses at the end."""
    over, statuses = threading.Event(), Counter[str]()

    def send(sender: int) -> None:
        url, number = f"http://127.0.0.1:{port}/v1/chat/completions", 0
        with httpx.Client(timeout=30, trust_env=False) as client:
            while not over.wait(SENDERS / rate):
                number += 1
                user = f"user-{sender}-{number}"
                body = {"model": "bench", "messages": [{"role": "user", "content": user}], "user": user}
                statuses[str(client.post(url, json=body).status_code)] += 1

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _control(services: Services) -> httpx.Client:
    key = written_key(services.layout.admin_key)
    url = f"http://127.0.0.1:{services.control_port}/api"
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=60, trust_env=False)


def begin(services: Services, control: httpx.Client, action: str, number: int) -> int:
    """End the present segment and begin the next one; returns its number."""
    if action == "rearm":
        _change(control, "kill")
    more: dict[str, Any] = {}
    if action == "resume":
        project = services.folder / "fairtrial.yaml"
        before, after = (f"openai/{MODELS[place]}," for place in (number, number + 1))
        project.write_text(project.read_text().replace(before, after))
        services.wait_until(lambda: _state(control)["state"] == "paused")
    if action == "promote":
        more = {"override": True, "keep_control": "5%", "keep_for": "14d"}
    _change(control, action, **more)
    return int(_state(control)["segment"])


def _change(control: httpx.Client, action: str, **more: Any) -> None:
    answer = control.post(f"/experiments/{NAME}/{action}", json={"why": "a trial of segments", **more})
    if answer.status_code != 200:
        raise RuntimeError(f"{action}: {answer.status_code} {answer.text}")


def _state(control: httpx.Client) -> dict[str, Any]:
    state: dict[str, Any] = control.get(f"/experiments/{NAME}/state").raise_for_status().json()
    return state


def await_frozen(services: Services, control: httpx.Client, segment: int) -> None:
    """Wait until the newest frozen plan is that of the segment."""
    services.wait_until(lambda: f'"segment":{segment},' in control.get("/analysis-plans").text.replace(" ", ""))


def read(services: Services, statuses: dict[str, int]) -> Found:
    """What the store has of the segments."""
    database = Database.open(services.layout)
    try:
        plans = [AnalysisPlan.restored(json.loads(text)) for (text,) in database.rows(STARTS)]
        begun = {action: database.rows(BEGUN, (action,))[0][1] for action in ("rearm", "resume", "promote")}
    finally:
        database.close()
    counts, last = Counter(plan.segment for plan in plans), max(plan.segment for plan in plans)
    wrong = [plan.segment for place, plan in enumerate(plans) if plan.attempt != attempt_of(plans[:place], plan)]
    twice = [segment for segment, count in counts.items() if count > 1]
    return Found(begun, twice, [one for one in range(1, last + 1) if one not in counts], wrong, statuses)


def attempt_of(earlier: list[AnalysisPlan], plan: AnalysisPlan) -> int:
    """The attempt by the plans before it. A kept control is none, and has the number of the segment before it."""
    if plan.kept_control is not None:
        return earlier[-1].attempt
    same = [one for one in earlier if one.definitions == plan.definitions and one.kept_control is None]
    return 1 + len(same)


def main() -> None:
    """Run, print, and exit with 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fairtrial-segments-"))
    found = run(folder, options.times, rate=options.rate, seed=options.seed)
    if found.sound:
        shutil.rmtree(folder)
    if options.json:
        print(json.dumps(asdict(found)))
    else:
        print(f"segments begun: {', '.join(f'{count} by {action}' for action, count in found.begun.items())}")
        print(f"frozen more than once: {found.twice}; never: {found.never}; wrong attempt: {found.wrong_attempts}")
        print(f"requests by status: {found.statuses}")
    raise SystemExit(0 if found.sound else 1)


if __name__ == "__main__":
    main()
