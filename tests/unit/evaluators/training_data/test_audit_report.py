"""Tests the measured reliability of each kind of finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.training_data import audit_report
from evaluators.training_data.audit_report import Reliability, measurements, reliability_of

MEASURED = """[
{"check": "damage", "kind": "mojibake", "source": "a", "planted": 9, "found": 8, "clean_rows": 1500, "false_alarms": 3},
{"check": "damage", "kind": "mojibake", "source": "b", "planted": 6, "found": 4, "clean_rows": 500, "false_alarms": 1},
{"check": "pii", "kind": "card", "source": "a", "planted": 0, "found": 0, "clean_rows": 1500, "false_alarms": 0}
]"""


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "reliability.json"
    path.write_text(MEASURED, encoding="utf-8")
    monkeypatch.setattr(audit_report, "MEASURED", path)
    monkeypatch.setattr(audit_report, "measurements", measurements.__wrapped__)


@pytest.mark.usefixtures("measured")
def test_the_reliability_of_a_kind_is_over_all_sources() -> None:
    assert reliability_of("damage", "mojibake") == Reliability(0.8, 2.0, 2_000, "a, b")


@pytest.mark.usefixtures("measured")
def test_a_kind_for_which_nothing_was_planted_has_no_recall_and_an_unknown_kind_nothing() -> None:
    assert reliability_of("pii", "card") == Reliability(None, 0.0, 1_500, "a")
    assert reliability_of("pii", "mojibake") is None


def test_the_shipped_measurements_have_a_row_for_each_kind_and_source() -> None:
    rows = measurements()
    assert rows
    assert len({(row.check, row.kind, row.source) for row in rows}) == len(rows)
    wrong = [row for row in rows if not (row.found <= row.planted and row.false_alarms <= row.clean_rows)]
    assert not wrong
