"""Two versions of a data set are compared row by row."""

from __future__ import annotations

from pathlib import Path

from evaluators.training_data.audit_report import AuditReport
from evaluators.training_data.difference import AuditDifference, compare
from evaluators.training_data.example_file import read_examples
from tests.fixtures.training_data.reports import Row, as_lines


def difference(folder: Path, old: list[Row], new: list[Row]) -> AuditDifference:
    files = []
    for name, rows in (("old.jsonl", old), ("new.jsonl", new)):
        (folder / name).write_text(as_lines(rows), encoding="utf-8")
        files.append(read_examples(folder / name))
    return compare(files[0], files[1], lambda file: AuditReport("2", (), ()))


def test_a_row_that_is_only_masked_is_changed_once(tmp_path: Path) -> None:
    old: list[Row] = [
        {"prompt": "Write to anna.meier@example.org about it.", "completion": "I wrote to anna.meier@example.org."},
        {"prompt": "Where is the parcel?", "completion": "In Lyon."},
        {"prompt": "When does it leave?", "completion": "Tomorrow."},
    ]
    masked = {name: text.replace("anna.meier@example.org", "[email]") for name, text in old[0].items()}
    changed = difference(tmp_path, old, [{**old[1], "completion": "In Bonn."}, masked, old[2]])
    assert (changed.added, changed.removed, changed.same) == ((), (), 1)
    assert [(row.before, row.now, row.parts) for row in changed.changed] == [
        (2, 1, ("completion",)),
        (1, 2, ("prompt", "completion")),
    ]
    other = difference(tmp_path, old, [*old[1:], {"prompt": "Where is my key?", "completion": "At the desk."}])
    assert (other.added, other.removed, other.changed) == ((3,), (1,), ())
