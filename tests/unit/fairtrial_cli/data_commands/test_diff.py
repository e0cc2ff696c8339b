"""Two versions of a data set differ in rows, labels, class shares and findings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fairtrial_cli.data_commands.diff import command
from tests.fixtures.training_data.reports import Row, as_lines, labels_of, sound_rows, with_labels, with_text

ROWS = 80


@pytest.fixture(name="old")
def old_fixture() -> list[Row]:
    return sound_rows(ROWS, seed=4)


def write(folder: Path, old: list[Row], new: list[Row]) -> list[str]:
    paths = folder / "old.jsonl", folder / "new.jsonl"
    for path, rows in zip(paths, (old, new), strict=True):
        path.write_text(as_lines(rows), encoding="utf-8")
    return [str(path) for path in paths]


def difference(folder: Path, old: list[Row], new: list[Row]) -> dict[str, Any]:
    done = CliRunner().invoke(command, [*write(folder, old, new), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def test_rows_that_only_moved_are_the_same(tmp_path: Path, old: list[Row]) -> None:
    found = difference(tmp_path, old, old[::-1])
    assert found["same"] == ROWS
    assert [found[name] for name in ("added", "removed", "changed", "labels")] == [[]] * 4
    assert [finding for finding in found["findings"] if finding["severity"] in ("error", "warning")] == []


def test_added_removed_and_changed_rows_have_their_lines(tmp_path: Path, old: list[Row]) -> None:
    new = [with_text(row, -1, "") if at == 6 else row for at, row in enumerate(old)]
    new = [*new[:9], *new[10:], sound_rows(1, seed=99)[0], old[20]]
    found = difference(tmp_path, old, new)
    assert (found["removed"], found["added"]) == ([10], [ROWS, ROWS + 1])
    assert found["changed"] == [{"before": 7, "now": 7, "parts": ["completion"]}]
    assert found["same"] == ROWS - 2


def test_a_changed_label_is_named_with_both_values_and_moves_the_shares(tmp_path: Path, old: list[Row]) -> None:
    before = labels_of(old[3])["priority"]
    now = "high" if before != "high" else "low"
    found = difference(tmp_path, old, [*old[:3], with_labels(old[3], priority=now), *old[4:]])
    assert found["labels"] == [{"field": "priority", "before": before, "now": now, "lines": [4]}]
    shares = {(one["field"], one["label"]): one["rows_now"] - one["rows_before"] for one in found["shares"]}
    assert (shares["priority", before], shares["priority", now]) == (-1, 1)


def test_findings_are_new_or_gone_by_the_content_of_their_rows(tmp_path: Path, old: list[Row]) -> None:
    faulty = [with_text(row, 1, f"mail anna{at}@example.org") if at in (4, 5) else row for at, row in enumerate(old)]
    new = [old[70], *faulty[:5], old[5], *faulty[6:], with_text(old[0], 1, "call eva@example.org")]
    [pii] = [finding for finding in difference(tmp_path, faulty, new)["findings"] if finding["check"] == "pii"]
    assert (pii["rows_before"], pii["rows_now"], pii["new"], pii["gone"]) == (2, 2, [ROWS + 2], [6])


def test_text_and_page_show_the_difference_masked(tmp_path: Path, old: list[Row]) -> None:
    paths = write(tmp_path, old, [*old[1:], with_text(old[0], 1, "<b>mail</b> eva@example.org")])
    page = tmp_path / "diff.html"
    done = CliRunner().invoke(command, [*paths, "--html", str(page)], catch_exceptions=False)
    assert done.output.startswith(f"1 row added, 1 row removed, {ROWS - 1} rows the same\n")
    assert (
        f"added    row {ROWS} of the new file" in done.output
        and f"finding  warning pii: new in row {ROWS} of the new file" in done.output
    )
    text = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;mail&lt;/b&gt; [email]" in text and "eva@" not in text and not re.search("<script|src=", text)


def test_the_page_may_not_replace_a_version(tmp_path: Path, old: list[Row]) -> None:
    paths = write(tmp_path, old, old)
    done = CliRunner().invoke(command, [*paths, "--html", paths[0]])
    assert done.exit_code != 0 and Path(paths[0]).read_text(encoding="utf-8") == as_lines(old)
