"""Each command on training data lists every unreadable row with its own reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fairtrial.domain.errors import UsageError
from fairtrial_cli.commands.data import command

GOOD = "".join(
    json.dumps({"prompt": f"Where is parcel {word}?", "completion": "x"}) + "\n" for word in "abcdefghijklmn"
)
WRONG = {
    "{not json": "the line is not JSON",
    "[]": "the row is not a JSON object",
    '{"completion": "x"}': "the row lacks 'prompt' (it has 'completion')",
}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text(GOOD + "\n".join(WRONG) + "\n")
    return path


def test_an_audit_lists_every_unreadable_row_and_json_has_all(rows: Path) -> None:
    done = CliRunner().invoke(command, ["audit", str(rows)])
    missing = [why for line, why in enumerate(WRONG.values(), 15) if f"{rows}:{line}: {why}" not in done.output]
    assert missing == [] and done.exit_code == 1
    rows.write_text(GOOD + "[]\n" * 1_500)
    done = CliRunner().invoke(command, ["audit", str(rows)])
    more = f"and 1,450 more rows that can't be read (fairtrial data audit {rows} --json lists all)"
    assert done.output.count("the row is not a JSON object") == 51 and more in done.output
    report = json.loads(CliRunner().invoke(command, ["audit", str(rows), "--json"]).output)
    [issue] = [one for one in report["issues"] if one["check"] == "format"]
    assert len(issue["details"]["errors"]) == 1_500


@pytest.mark.parametrize("arguments", [["split"], ["convert", "--to", "chat"]])
def test_split_and_convert_refuse_or_skip_them_and_list_each(arguments: list[str], rows: Path) -> None:
    before = sorted(path.name for path in rows.parent.iterdir())
    done = CliRunner().invoke(command, [*arguments, str(rows)])
    assert isinstance(done.exception, UsageError)
    assert [why for why in WRONG.values() if why not in str(done.exception)] == []
    assert sorted(path.name for path in rows.parent.iterdir()) == before
    done = CliRunner().invoke(command, [*arguments, str(rows), "--skip-unreadable"])
    assert done.exit_code == 0 and [why for why in WRONG.values() if why not in done.stderr] == []


def test_fix_removes_them_and_lists_each(rows: Path) -> None:
    done = CliRunner().invoke(command, ["fix", str(rows), "--dry-run"])
    assert done.exit_code == 0 and [why for why in WRONG.values() if why not in done.stderr] == []
