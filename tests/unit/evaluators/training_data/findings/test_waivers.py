"""Waivers cover the rows that they name by content, and never other rows after an edit."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from evaluators.training_data.audit import audit
from evaluators.training_data.audit_report import AuditReport, Issue
from evaluators.training_data.example_file import read_examples
from evaluators.training_data.findings.waivers import row_names
from fairtrial.domain.training_data import Waiver
from tests.fixtures.training_data.reports import Row, as_lines, sound_rows, with_text

DAY = date(2026, 11, 30)
EMPTY = {4, 9}
"""The lines of the rows with an empty completion."""


@pytest.fixture(name="rows", scope="module")
def rows_fixture() -> list[Row]:
    rows = sound_rows(60, seed=1)
    return [with_text(row, -1, "") if line in EMPTY else row for line, row in enumerate(rows, 1)]


def name_of(row: Row, folder: Path) -> str:
    """The name of a row that stands alone in a file."""
    path = folder / "alone.jsonl"
    path.write_text(as_lines([row]), encoding="utf-8")
    return row_names(read_examples(path), [1])[1]


def audited(rows: list[Row], folder: Path, *waivers: Waiver) -> tuple[AuditReport, Issue]:
    """The report, and its issue about empty completions."""
    path = folder / "rows.jsonl"
    path.write_text(as_lines(rows), encoding="utf-8")
    report = audit([read_examples(path)], waivers=waivers, day=DAY)
    return report, next(issue for issue in report.issues if issue.kind == "empty")


def waiver(**fields: Any) -> Waiver:
    return Waiver(**{"check": "completions", "kind": "empty", "reason": "no answer is right", "owner": "Rosa"} | fields)


def test_rows_are_covered_by_content_wherever_they_stand(rows: list[Row], tmp_path: Path) -> None:
    names = tuple(name_of(rows[line - 1], tmp_path) for line in sorted(EMPTY))
    report, issue = audited(rows, tmp_path, waiver(rows=names))
    assert report.clean and issue.is_waived and report.waiver_warnings == ()
    moved = [rows[20], rows[21], *rows]
    report, issue = audited(moved, tmp_path, waiver(rows=names))
    assert issue.is_waived and set(issue.rows) == {line + 2 for line in EMPTY}


def test_another_row_at_the_same_line_is_not_covered(rows: list[Row], tmp_path: Path) -> None:
    names = tuple(name_of(rows[line - 1], tmp_path) for line in sorted(EMPTY))
    edited = list(rows)
    edited[3] = with_text(edited[3], 1, "another question")
    report, issue = audited(edited, tmp_path, waiver(rows=names))
    assert not report.clean and issue.open_rows == (4,) and issue.waived[0].rows == (9,)


def test_all_covers_later_rows_until_it_expires(rows: list[Row], tmp_path: Path) -> None:
    report, issue = audited(rows, tmp_path, waiver(all=True, until="2026-11-30"))
    assert report.clean and issue.is_waived
    report, issue = audited(rows, tmp_path, waiver(all=True, until="2026-11-29"))
    assert not report.clean and issue.waived == ()
    assert report.waiver_warnings == (
        "the waiver of completions/empty by Rosa expired after 2026-11-29; look at the findings again, then remove or "
        "renew it",
    )


def test_a_waiver_of_another_kind_or_of_nothing_is_a_warning(rows: list[Row], tmp_path: Path) -> None:
    others = (waiver(kind="truncated", all=True), waiver(rows=("4:" + "0" * 16,)))
    report, issue = audited(rows, tmp_path, *others)
    assert not issue.waived and not report.clean
    assert [warning.partition(":")[0] for warning in report.waiver_warnings] == [
        "the waiver of completions/truncated by Rosa covers nothing",
        "the waiver of completions/empty by Rosa covers nothing",
    ]


def test_a_row_is_counted_for_the_first_waiver_that_covers_it(rows: list[Row], tmp_path: Path) -> None:
    first = waiver(rows=(name_of(rows[3], tmp_path),))
    _, issue = audited(rows, tmp_path, first, waiver(kind=None, all=True))
    assert [part.rows for part in issue.waived] == [(4,), (9,)]


def test_a_finding_without_rows_is_covered_as_a_whole(rows: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text(as_lines(rows[10:20]), encoding="utf-8")
    report = audit([read_examples(path)], waivers=[waiver(check="volume", kind=None, all=True)], day=DAY)
    [volume] = [issue for issue in report.issues if issue.check == "volume"]
    assert volume.is_waived and not volume.rows


def test_the_name_of_a_row_depends_on_its_columns_only(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"completion":"b","prompt":"a"}\n')
    (tmp_path / "b.json").write_text(json.dumps([{"prompt": "a", "completion": "b"}], indent=1))
    one, two = row_names(read_examples(tmp_path / "a.jsonl"), [1, 2]).values()
    [three] = row_names(read_examples(tmp_path / "b.json"), [1]).values()
    assert one.partition(":")[2] == two.partition(":")[2] == three.partition(":")[2]
