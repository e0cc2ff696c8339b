"""A verdict in a store that nobody has open: no route takes one, so tests of pages put theirs there before a start."""

from __future__ import annotations

from fairtrial.config.layout import Layout
from fairtrial.domain.verdict import Verdict
from fairtrial.store import verdicts
from fairtrial.store.database import Database


def store_verdict(layout: Layout, verdict: Verdict) -> None:
    """Store it as one that ``test`` asked for."""
    database = Database.open(layout)
    try:
        verdicts.save(database, verdict, actor="test")
    finally:
        database.close()
