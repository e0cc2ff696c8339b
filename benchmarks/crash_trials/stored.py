"""Compares the acknowledged requests with the store: which are missing, which occur twice, which rows are wrong."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fairtrial.config.layout import Layout
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester

REQUESTS = "SELECT request_id, count(*) FROM requests GROUP BY request_id"
ATTEMPTS = "SELECT request_id, count(*), count(DISTINCT ordinal) FROM attempts GROUP BY request_id"
EXPOSURES = """
SELECT request_id, count(*), min(served), bool_and(enrolled)
FROM (
    SELECT request_id, variant_served AS served, enrolled FROM requests WHERE enrolled IS NOT NULL
    UNION ALL
    SELECT request_id, served, enrolled FROM exposures
)
GROUP BY request_id
"""
REJECTS = "SELECT why, count(*) FROM rejects GROUP BY why ORDER BY why"


@dataclass(frozen=True, slots=True)
class Comparison:
    """``lost`` and ``twice`` are ids; ``wrong`` says of an id what is wrong with its attempts or its exposure."""

    stored: int
    lost: list[str]
    twice: list[str]
    wrong: list[str]
    rejects: dict[str, int]


def read_acknowledged(path: Path) -> dict[str, str]:
    """The variant of each acknowledged request, by the request's id."""
    lines = [line.partition(" ") for line in path.read_text().splitlines()]
    found = {request_id: variant for request_id, _, variant in lines}
    assert len(found) == len(lines), "two responses have the same id"
    return found


def compare(layout: Layout, acknowledged: Mapping[str, str]) -> Comparison:
    """Let the store catch up with the journal, then compare. No other process may have the store."""
    database = Database.open(layout)
    try:
        Ingester(database, lambda: time.time_ns() // 1000).catch_up()
        stored = Counter({str(name): int(count) for name, count in database.rows(REQUESTS)})
        return Comparison(
            stored=len(stored),
            lost=[name for name in acknowledged if name not in stored],
            twice=[name for name, count in stored.items() if count > 1],
            wrong=wrong_rows(database, acknowledged),
            rejects={str(why): int(count) for why, count in database.rows(REJECTS)},
        )
    finally:
        database.close()


def wrong_rows(database: Database, acknowledged: Mapping[str, str]) -> list[str]:
    """What is wrong: an acknowledged request has one attempt and one exposure; no request has one of them twice."""
    attempts = {str(name): (int(rows), int(ordinals)) for name, rows, ordinals in database.rows(ATTEMPTS)}
    exposures = {str(name): tuple(rest) for name, *rest in database.rows(EXPOSURES)}
    wrong = [f"{name}: {rows} attempts" for name, (rows, ordinals) in attempts.items() if rows > ordinals]
    wrong += [f"{name}: {rows} exposures" for name, (rows, *_) in exposures.items() if rows > 1]
    for name, variant in acknowledged.items():
        if attempts.get(name) != (1, 1):
            wrong.append(f"{name}: attempts {attempts.get(name)}, not one")
        if exposures.get(name) != (1, variant, True):
            wrong.append(f"{name}: exposure {exposures.get(name)}, not one of {variant}")
    return wrong
