"""A gateway for tests: real worker processes on a free port, a plan published by hand, journals read back."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import msgspec

from fairtrial.config.hashes import plan_hash
from fairtrial.config.layout import Layout
from fairtrial.config.published import publish
from fairtrial.domain.plan import (
    Deployment,
    Experiment,
    Key,
    Plan,
    Price,
    Published,
    Right,
    Route,
    Timeouts,
    Variant,
)
from fairtrial.domain.worker_settings import WorkerSettings
from gateway.proxy.supervisor import Serving, Supervisor

EXPERIMENT = "tuned-vs-base"


def deployment(name: str, url: str, **changes: Any) -> Deployment:
    plain = Deployment(
        name=name,
        provider="openai",
        model=f"{name}-model",
        base_url=url,
        price=Price(input=Decimal("2"), output=Decimal("10")),
        timeouts=Timeouts(connect=2.0, first_byte=5.0, idle=5.0, total=30.0),
    )
    return replace(plain, **changes)


def plan_for(url: str, *, experiment: Mapping[str, Any] | None = None, **changes: Any) -> Plan:
    """A base and a tuned deployment behind one route, and the base directly."""
    trial = Experiment(
        name=EXPERIMENT,
        question="Is it better?",
        unit="user",
        control="base",
        variants=(
            Variant("base", "base", 50.0),
            Variant("tuned", "tuned", 50.0, system_prompt="Be kind.", params={"temperature": 0.2}),
        ),
        salt="salt-1",
        stage=100.0,
    )
    plain = Plan(
        deployments={"base": deployment("base", url), "tuned": deployment("tuned", url, parent="base")},
        routes={
            "bot": Route("bot", experiment=EXPERIMENT),
            "base-direct": Route("base-direct", deployment="base"),
        },
        experiments={EXPERIMENT: replace(trial, **(experiment or {}))},
    )
    whole = replace(plain, **changes)
    return replace(whole, plan_hash=plan_hash(whole))


def key(secret: str, *rights: Right, **changes: Any) -> Key:
    plain = Key(
        key_id=secret.replace("ft-", "id-"), name=secret, sha256=sha256(secret.encode()).hexdigest(), rights=rights
    )
    return replace(plain, **changes)


@dataclass
class Rig:
    """A running gateway; ``url`` ends in ``/v1``."""

    layout: Layout
    supervisor: Supervisor
    stop: threading.Event
    thread: threading.Thread
    forgotten: int = 0

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.supervisor.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def publish(self, plan: Plan, *keys: Key) -> None:
        """Publish a plan and wait until some worker has it; with keys, they are needed."""
        publish(self.layout.plan, Published(plan, "keys" if keys else "open", keys, "pepper"))
        self.wait(lambda: self.ready_with(plan.plan_hash))

    def ready_with(self, wanted: str) -> bool:
        """Whether four looks in a row, on connections of their own, find this plan; none reads certificates for it."""
        try:
            answers = [httpx.get(f"{self.root}/readyz", verify=False) for _ in range(4)]
        except httpx.HTTPError:
            return False
        return all(answer.json().get("plan_hash") == wanted for answer in answers)

    def wait(self, true: Any, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.03)

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Events in the journal's segments, in the order of the files, without those that were forgotten."""
        segments = sorted(self.layout.journal.glob("*.jsonl"))
        lines = [line for segment in segments for line in segment.read_bytes().splitlines()[1:]]
        events = [msgspec.json.decode(line) for line in lines[self.forgotten :]]
        return [event for event in events if kind is None or event["kind"] == kind]

    def forget(self) -> None:
        """Look only at the events from now on; for a gateway of one worker."""
        self.forgotten += len(self.events())

    def await_events(self, kind: str, count: int) -> list[dict[str, Any]]:
        self.wait(lambda: len(self.events(kind)) >= count)
        return self.events(kind)

    def worker_pids(self) -> list[int]:
        return self.supervisor.pids()

    def end(self, seconds: float = 60) -> None:
        self.stop.set()
        self.thread.join(seconds)


@contextmanager
def running(folder: Path, *, workers: int = 1, max_body: int = 2**20, **settings: Any) -> Iterator[Rig]:
    """A gateway without a plan yet; its workers end with the context. ``settings`` are those of `WorkerSettings`."""
    layout = Layout(folder / "store.duckdb").make()
    serving = Serving("127.0.0.1", 0, layout.plan, layout.journal, workers, max_body, WorkerSettings(**settings))
    supervisor = Supervisor(serving)
    stop = threading.Event()

    def tend() -> None:
        while not stop.wait(0.02):
            supervisor.tend()
        supervisor.drain()

    rig = Rig(layout, supervisor, stop, threading.Thread(target=tend))
    rig.thread.start()
    try:
        yield rig
    finally:
        rig.end()


os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")
