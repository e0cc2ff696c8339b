"""A worker publishes its counters before its first request, so /metrics of any worker names every one that served."""

from __future__ import annotations

import os
from pathlib import Path

from fairtrial.config.layout import Layout
from fairtrial.journal.response_map import FILE, ResponseMap
from fairtrial.journal.writer import JournalWriter
from gateway.proxy.app import alive
from gateway.proxy.plan.plan_watch import PlanWatch
from gateway.proxy.routes.metrics import DECLARED
from gateway.proxy.transport.pool.pool import PoolTransport
from gateway.proxy.worker_state import SharedCounters, WorkerState


async def test_the_counts_are_shown_before_anything_is_served(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "store.duckdb").make()
    gateway = WorkerState(
        watch=PlanWatch(layout.plan, environ=os.environ, require_keys=False),
        journal=JournalWriter(layout.journal, writer="w0"),
        transport=PoolTransport(),
        name="w0",
        response_map=ResponseMap(layout.journal.with_name(FILE)),
        shared_counters=SharedCounters(tmp_path, "w0"),
    )
    async with alive(gateway):
        shown = dict(SharedCounters(tmp_path, "w1").others())
    assert set(shown["w0"]) == set(DECLARED)
