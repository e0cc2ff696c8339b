"""Measures backup and erasure times, and the pauses for readers and writers, compared with a plain file copy.

Run: ``python benchmarks/store_maintenance.py [--requests 100000] [--body 2000] [--json]``. It first creates a store
with that many requests and bodies. During the work, one thread writes to the store and one reads; a pause is the
longest wait of either.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

from fairtrial.config.layout import Layout  # noqa: E402
from fairtrial.domain.events import AttemptRecord, Exposure, RequestEvent  # noqa: E402
from fairtrial.experiments.unit import pseudonym  # noqa: E402
from fairtrial.journal.writer import JournalWriter  # noqa: E402
from fairtrial.store.core import named_values  # noqa: E402
from fairtrial.store.core.database import Database  # noqa: E402
from fairtrial.store.ingest.ingest import Ingester  # noqa: E402
from gateway.control.maintain_store import StoreMaintenance  # noqa: E402

UNITS = 1000
WORDS = [f"word{number}" for number in range(5000)]
TOUCH = "UPDATE settings SET value = ? WHERE name = 'touched'"
LOOK = "SELECT count(*) FROM requests WHERE unit = 'nobody'"


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--body", type=int, default=2_000, help="letters of each of the two bodies together")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Layout(Path(folder) / "fairtrial.duckdb").make(), arguments.requests, arguments.body)
    if arguments.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:<28} {value:>12,.2f}" if isinstance(value, float) else f"{name:<28} {value:>12,}")


def measure(layout: Layout, requests: int, body: int) -> dict[str, Any]:
    """Times in seconds, sizes in bytes."""
    database = Database.open(layout)
    ingester = Ingester(database, now_us)
    fill(layout, requests, body, pseudonym(named_values.pepper(database), "unit-0"))
    ingest, _ = timed(ingester.catch_up)
    database.rows("CHECKPOINT")
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO settings (name, value) VALUES ('touched', '')")
    maintenance = StoreMaintenance(database, ingester, now_us, actor="benchmark")
    copy, _ = timed(lambda: shutil.copyfile(layout.store, layout.store.with_name("copy")))
    with waits(database) as during_backup:
        backup, _ = timed(lambda: maintenance.backup(layout.store.with_name("backup")))
    with waits(database) as during_erasure:
        erasure, erased = timed(lambda: maintenance.erase("unit-0", "user"))
    size = layout.store.stat().st_size
    database.close()
    return {
        "requests": requests,
        "store, bytes": size,
        "erased requests": erased.counts["requests"],
        "bringing in, seconds": ingest,
        "plain copy, seconds": copy,
        "backup, seconds": backup,
        "backup, writers wait": during_backup["write"],
        "backup, readers wait": during_backup["read"],
        "erasure, seconds": erasure,
        "erasure, writers wait": during_erasure["write"],
        "erasure, readers wait": during_erasure["read"],
    }


def fill(layout: Layout, requests: int, body: int, first: str) -> None:
    """A journal of that many requests of a thousand units."""
    draw = random.Random(7)
    writer = JournalWriter(layout.journal, writer="benchmark")
    for number in range(requests):
        unit = first if number % UNITS == 0 else f"unit-{number % UNITS}"
        text = " ".join(draw.choices(WORDS, k=body // 9))
        writer.append(event(number, unit, text))
    writer.close()


def event(number: int, unit: str, text: str) -> RequestEvent:
    """One request as the gateway records it."""
    return RequestEvent(
        request_id=f"request-{number}",
        at_us=number * 1000,
        plan_hash="p",
        endpoint="chat.completions",
        route="bot",
        status=200,
        outcome="ok",
        reason="assigned",
        worker="w",
        unit=unit,
        experiment="e",
        variant_assigned="base",
        variant_served="base",
        latency_ms=number % 700 + 0.5,
        arm_outcome="answered",
        user_outcome="answered",
        exposure=Exposure(
            unit=unit,
            unit_kind="user",
            enrolled=True,
            state="running",
            enrol_bucket=0.5,
            arm_bucket=0.5,
            propensity=0.5,
            stage=100.0,
            analysis_hash="a",
        ),
        attempts=[
            AttemptRecord(purpose="live", deployment="base", at_us=number * 1000, outcome="answered", status=200)
        ],
        request_body=json.dumps({"messages": text}),
        response_body="{}",
    )


@contextmanager
def waits(database: Database) -> Iterator[dict[str, float]]:
    """The longest time that one small write and one small read took while the context lasted."""
    longest = {"write": 0.0, "read": 0.0}
    ending = threading.Event()

    def again(name: str, step: Callable[[], object]) -> None:
        while not ending.wait(0.01):
            longest[name] = max(longest[name], timed(step)[0])

    def write() -> None:
        with database.transaction() as cursor:
            cursor.execute(TOUCH, [str(now_us())])

    steps: dict[str, Callable[[], object]] = {"write": write, "read": lambda: database.rows(LOOK)}
    threads = [threading.Thread(target=again, args=pair) for pair in steps.items()]
    for thread in threads:
        thread.start()
    try:
        yield longest
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def timed(step: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    result = step()
    return time.perf_counter() - began, result


def now_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


if __name__ == "__main__":
    main()
