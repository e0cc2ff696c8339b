"""The list of data audits shows the result of each in a few words."""

from datetime import UTC, datetime

from dashboard.data_audits.list import result_of
from fairtrial.api.data_audits import AuditRow
from fairtrial.domain.training_data import CheckCount, WaivedCount, Waiver

WAIVED = WaivedCount(CheckCount("pii", "warning", 1, 1), Waiver(check="pii", reason="invented names", owner="Rosa"))


def audit(*, clean: bool, waived: list[WaivedCount]) -> AuditRow:
    return AuditRow(
        audit_id="a", at_time=datetime(2027, 1, 15, tzinfo=UTC), deployment="tuned", actor="control", version="1",
        program="1", seconds=0.5, clean=clean, files=[], counts=[], waived=waived,
    )  # fmt: skip


def test_a_result_names_its_waivers_only_if_there_are_any() -> None:
    results = [result_of(audit(clean=clean, waived=waived)) for clean in (True, False) for waived in ([], [WAIVED])]
    assert results == ["clean", "clean, 1 waiver", "not clean", "not clean, 1 waiver"]
