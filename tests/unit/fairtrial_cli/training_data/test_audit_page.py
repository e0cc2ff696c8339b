"""The HTML report shows the rows under each finding, masked and bounded, and filters them without a script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evaluators.training_data.audit import audit
from evaluators.training_data.example_file import read_examples
from fairtrial.domain.training_data import Waiver
from fairtrial_cli.training_data import audit_page as page_module
from fairtrial_cli.training_data.audit_page import MOST_ROWS, audit_page
from tests.fixtures.training_data.reports import as_lines, sound_rows, with_text

HOSTILE = "<script>alert(1)</script> mail anna@example.org"


def page_of(folder: Path, *waivers: Waiver) -> str:
    """The page of 60 sound rows, of which one repeats another, one has an e-mail address and one has no answer."""
    rows = sound_rows(60, seed=1)
    rows[5] = with_text(rows[5], 1, HOSTILE)
    rows[7] = with_text(rows[7], -1, "")
    rows.append(rows[2])
    path = folder / "rows.jsonl"
    path.write_text(as_lines(rows), encoding="utf-8")
    file = read_examples(path)
    return audit_page(audit([file], waivers=waivers), [file])


def test_rows_stand_under_their_finding_masked_and_escaped(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    [found] = [part for part in page.split("<article")[1:] if "pii" in part.partition("</h3>")[0]]
    assert "row 6" in found and "&lt;script&gt;alert(1)&lt;/script&gt; mail [email]" in found
    assert "<script" not in page and "anna@example.org" not in page and not re.search(r'(src|href)="[^#]', page)


def test_rows_that_repeat_each_other_stand_side_by_side(tmp_path: Path) -> None:
    [found] = [
        part for part in page_of(tmp_path).split("<article")[1:] if "duplicates/exact" in part.partition("</h3>")[0]
    ]
    [group] = found.split('<div class="answers">')[1:]
    assert "<strong>row 3</strong>" in group and "<strong>row 61</strong>" in group


def test_each_choice_of_a_filter_has_a_rule_of_style_and_findings_have_its_class(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    options = set(re.findall(r'<option class="o(\d+)">', page))
    rules = set(re.findall(r"\.browse:has\(\.o(\d+):checked\) \.case:not\(\.f\1\)", page))
    assert options == rules and len(options) > 4
    classes = [set(re.findall(r"\bf(\d+)", found)) for found in re.findall(r'<article class="case ([^"]*)"', page)]
    assert all(len(class_) == 3 and class_ <= options for class_ in classes)
    assert "Personal and secret text that was found" in page


def test_a_waiver_is_offered_with_names_of_rows_and_an_applied_one_is_listed(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    [rows] = re.findall(r"- check: completions\n  kind: empty\n  rows: \[(8:[0-9a-f]{16})\]\n", page)
    waiver = Waiver(check="completions", kind="empty", rows=(rows,), reason="a <b> reason", owner="Rosa")
    waived = page_of(tmp_path, waiver)
    assert "waived error: completions/empty" in waived and "a &lt;b&gt; reason" in waived
    assert "kind: empty\n" not in waived


def test_the_page_is_bounded_and_says_how_many_rows_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [with_text(row, -1, "") for row in sound_rows(MOST_ROWS + 60, seed=2)]
    path = tmp_path / "rows.jsonl"
    path.write_text(as_lines(rows), encoding="utf-8")
    file = read_examples(path)
    report = audit([file])
    page = audit_page(report, [file])
    [found] = [part for part in page.split("<article")[1:] if "completions/empty" in part.partition("</h3>")[0]]
    assert found.count("<strong>row") == MOST_ROWS and "60 more rows without texts here" in found
    monkeypatch.setattr(page_module, "MOST_CHARACTERS", 20_000)
    assert len(audit_page(report, [file])) < len(page) / 2
