"""Erasing a unit reaches the pairs of shadows: their answers go, and their numbers stay under another name."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from fairtrial.config.layout import Layout
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.maintenance.retention import drop_old_texts
from tests.fixtures.store import samples
from tests.fixtures.store.erasing import erase_unit

PAIRS = """
SELECT request_id, copy_id, unit, response_body, latency_ms, deployment, dropped FROM shadow_pairs ORDER BY at_time
"""


def test_an_erasure_and_the_retention_reach_pairs(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "store.duckdb").make()
    pairs = [samples.shadow(number, response_body=f'"secret {number}"') for number in (1, 2)]
    dropped = samples.shadow(3, attempt={}, dropped=True)
    with closing(Database.open(layout)) as database:
        journal = JournalWriter(layout.journal, writer="w0")
        for number in (1, 2, 3):
            journal.append(samples.record(number, unit=f"u-{number}"))
        journal.append(*pairs, dropped)
        journal.close()
        Ingester(database, lambda: samples.NOW).catch_up()
        assert database.rows(PAIRS)[0] == ("r-1", "c-1", "u-1", '"secret 1"', 12.5, "tuned", False)
        counts = erase_unit(database, "Rosa", "u-1")
        assert counts["shadow_pairs"] == 1
        one, two, three = database.rows(PAIRS)
        assert {"r-1", "c-1", "u-1", '"secret 1"'}.isdisjoint(one) and one[3:5] == (None, 12.5)
        assert two[:4] == ("r-2", "c-2", "u-2", '"secret 2"') and three[-1] is True
        assert one[0] in {row[0] for row in database.rows("SELECT request_id FROM requests")}
        drop_old_texts(database, before_us=samples.NOW + DAY_US)
        assert [row[3] for row in database.rows(PAIRS)] == [None, None, None]
    files = b"".join(path.read_bytes() for path in layout.journal.rglob("*") if path.is_file())
    assert b"secret 1" not in files and b"secret 2" in files
