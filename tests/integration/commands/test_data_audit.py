"""`fairtrial data audit` prints a report, JSON and one HTML file, and its exit code says whether the data is clean."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from tests.fixtures.paths import ROOT
from tests.fixtures.services.command import in_process
from tests.fixtures.training_data.reports import as_lines, sound_rows, with_text

DATA = ROOT / "examples" / "support" / "data"
SUITE = ROOT / "suites" / "support" / "suite.yaml"
HOSTILE = '<script>alert(1)</script>\x1b[31m "x" sk-abcdefghijklmnopqrstuvwx'


def test_clean_data_exits_with_0_and_says_what_was_read() -> None:
    done = in_process("data", "audit", str(DATA / "train.jsonl"), "--suite", str(SUITE), cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("clean: no error and no warning in 440 training rows")
    assert "120 rows, suite" in done.stdout


def test_a_wrong_pattern_exits_with_1_and_json_has_all_rows() -> None:
    done = in_process("data", "audit", str(DATA / "train_wrongpattern.jsonl"), "--json", cwd=ROOT)
    report = json.loads(done.stdout)
    wrong = [one for one in report["issues"] if one["check"] == "wrong-pattern"]
    assert (done.returncode, report["clean"], len(wrong)) == (1, False, 2)
    assert all(len(one["rows"]) == one["count"] > 40 for one in wrong)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name the FILES"),
        (("missing.jsonl",), "does not exist"),
        (("odd.csv",), "no format fits the row, which has 'Ticket', 'Team'"),
        (("odd.csv", "--prompt", "Ticket"), "--prompt needs --completion, too"),
        (("odd.csv", "--prompt", "Ticket", "--completion", "Teem"), "did you mean 'Team'?"),
    ],
)
def test_wrong_use_exits_with_2_and_says_why(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("Ticket,Team\nhi,support\n", encoding="utf-8")
    done = in_process("data", "audit", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split()), done.stderr


def test_a_csv_of_ones_own_is_audited_by_its_column_names(tmp_path: Path) -> None:
    rows = ("where is it,delivery", "where is it,billing", "the parcel is late,delivery", "an invoice is wrong,billing")
    (tmp_path / "odd.csv").write_text("\n".join(("Ticket,Team", *rows)), encoding="utf-8")
    done = in_process("data", "audit", "odd.csv", "--prompt", "Ticket", "--completion", "Team", cwd=tmp_path)
    assert done.returncode == 1
    printed = " ".join(done.stdout.split())
    assert "2 rows with the same prompt as another row and a different label (rows 2, 3)" in printed


def test_the_html_is_one_file_in_which_hostile_rows_stay_text(tmp_path: Path) -> None:
    rows = sound_rows(60, seed=1)
    rows[0] = with_text(rows[0], -1, json.dumps({HOSTILE: HOSTILE}))
    rows[1] = with_text(rows[1], 1, HOSTILE)
    (tmp_path / "rows<b>.jsonl").write_text(as_lines(rows), encoding="utf-8")
    done = in_process("data", "audit", "rows<b>.jsonl", "--html", "audit.html", cwd=tmp_path)
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert done.returncode == 1 and "written: audit.html" in done.stdout
    assert "\x1b[31m" not in done.stdout + page
    assert "<script" not in page and html.escape("<script>alert(1)</script>") in page
    assert "Content-Security-Policy" in page and not re.search(r'(src=|href="(?!#))', page)
    assert "rows&lt;b&gt;.jsonl" in page


def test_the_html_may_not_replace_a_file_that_is_read(tmp_path: Path) -> None:
    text = as_lines(sound_rows(60, seed=1))
    (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")
    done = in_process("data", "audit", "rows.jsonl", "--html", "rows.jsonl", cwd=tmp_path)
    assert done.returncode == 2 and (tmp_path / "rows.jsonl").read_text(encoding="utf-8") == text
