"""Reads from a project that has ended how soon answers were stored, whether all were, and how many bytes they take."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fairtrial.config.layout import Layout
from fairtrial.domain.events import RequestEvent
from fairtrial.journal.reader import RequestEventV1, decode
from fairtrial.journal.segment import names, segment_name
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.segment_archive import read_chunk


def stored(folder: Path, begun_us: int, answers: int) -> dict[str, float]:
    """After the end: seconds from each answer to its transaction, answers that the store lacks, bytes for each answer.

    The journal's bytes are those before compression. Answers from before the load count little.
    """
    layout = Layout(folder / "fairtrial.duckdb")
    store_bytes = layout.store.stat().st_size
    database = Database.open(layout)
    try:
        found = database.rows(
            "SELECT count(DISTINCT request_id), count(*) FROM requests WHERE epoch_us(at_time) >= ?", [begun_us]
        )
        ledger = database.rows("SELECT segment, position, epoch_us(at_time) FROM offsets ORDER BY segment, position")
        ((rows,),) = database.rows("SELECT count(*) FROM requests")
    finally:
        database.close()
    waits: list[float] = []
    for path in names(layout.journal / "done"):
        steps = [(position, at_us) for segment, position, at_us in ledger if segment == segment_name(path)]
        waits += _waits(path, [step[0] for step in steps], [step[1] for step in steps], begun_us)
    distinct, count = found[0]
    cuts = np.quantile(waits, [0.5, 0.95, 1.0]) / 1e6
    journal_bytes = sum({segment: position for segment, position, _ in ledger}.values())
    sizes = {"store_bytes": store_bytes / rows, "journal_bytes": journal_bytes / rows}
    return {
        "p50": cuts[0],
        "p95": cuts[1],
        "max": cuts[2],
        "missing": answers - distinct,
        "twice": count - distinct,
    } | sizes


def _waits(path: Path, positions: list[int], times: list[int], begun_us: int) -> Iterator[float]:
    """Microseconds from the answer to the transaction, for each request of a segment since then."""
    end = 0
    while (chunk := read_chunk(path, end)).lines:
        for line in chunk.lines.splitlines(keepends=True):
            end += len(line)
            if b'"kind":"request"' not in line:
                continue
            event = decode(line)
            if isinstance(event, RequestEvent | RequestEventV1) and event.at_us >= begun_us:
                answered = event.at_us + 1000 * (event.latency_ms or 0)
                yield times[bisect_left(positions, end)] - answered
