"""Two runs of one suite in a store, and a queue of their answers."""

from __future__ import annotations

import json
from typing import Any

from fairtrial.config.layout import Layout
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.database import Database
from fairtrial.store.ingest import Ingester
from gateway.control.review_filling import QueueWish, fill
from tests.unit.store import samples

NOW = samples.NOW
NEW, OLD = "tuned", "base"


def run_both(database: Database, cases: int = 20, **more: Any) -> None:
    """Finished runs of both targets, in the store."""
    write_both(database.layout, cases, **more)
    Ingester(database, lambda: NOW).catch_up()


def write_both(layout: Layout, cases: int = 20, *, suite: str = "tickets", **more: Any) -> None:
    """The same in the journal; the answers say which model gave them only to those who know the words."""
    writer = JournalWriter(layout.journal, writer=f"w-{suite}")
    digests = more.pop("digests", {})
    for target, word in ((NEW, "crimson"), (OLD, "azure")):
        run_id = f"{suite}-{target}"
        for number in range(cases):
            writer.append(case(run_id, number, f"{word} answer {number}", target))
        given = {"suite": suite, "suite_digest": f"digest-{suite}", "target": target, "counts": {"scored": cases}}
        writer.append(
            samples.run(run_id, **(given | {"deployment_digest": digests.get(target, f"dd-{target}")} | more))
        )
    writer.close()


def case(run_id: str, number: int, output: str, target: str) -> Any:
    asked = json.dumps([{"role": "system", "content": "Be kind."}, {"role": "user", "content": f"question {number}"}])
    return samples.case_result(
        run_id,
        f"case-{number}",
        output=output,
        asked=asked,
        expected=f'"reference {number}"',
        cluster=None,
        latency_ms=1234.5 if target == NEW else 777.25,
        tokens_out=432104321 if target == NEW else 876508765,
        cost_usd=0.0123 if target == NEW else 0.0456,
        fingerprint=f"fp-{target}",
    )


def filled(database: Database, cases: int = 20, **wish: Any) -> str:
    """A queue of all cases; its id."""
    run_both(database, cases)
    return enqueued(database, **({"size": cases} | wish))


def enqueued(database: Database, **wish: Any) -> str:
    given: dict[str, Any] = {"suite": "tickets", "candidate": NEW, "baseline": OLD, "seed": 7, "overlap": 0.0}
    return fill(database, QueueWish(**(given | wish)), plan=None, by="local", now_us=NOW)
