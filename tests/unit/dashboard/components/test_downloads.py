"""Tables as files: what a spreadsheet would run is defused, and nothing else is changed."""

from __future__ import annotations

import csv
import io
import json

import pytest

from dashboard.components.downloads import csv_text, file_name, json_text
from tests.fixtures.for_each import for_each


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


@for_each("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_begins_like_a_formula_gets_an_apostrophe(begin: str) -> None:
    hostile = f'{begin}HYPERLINK("http://example.invalid","x")'
    head, row = read(csv_text([{hostile: hostile}]))
    assert head == [f"'{hostile}"]
    assert row == [f"'{hostile}"]


def test_numbers_stay_numbers_and_nothing_stays_empty() -> None:
    rows = [{"a": -1.5, "b": None, "c": True, "d": "-1.5e-3", "e": "−2"}, {"f": {"x": 1}}]
    assert read(csv_text(rows)) == [
        ["a", "b", "c", "d", "e", "f"],
        ["-1.5", "", "True", "-1.5e-3", "−2", ""],
        ["", "", "", "", "", '{"x": 1}'],
    ]


def test_quotes_commas_and_line_ends_inside_a_cell_stay_inside() -> None:
    text = 'say "=1+1", then\r\n=cmd|x'
    assert read(csv_text([{"a": text}]))[1] == [text]


def test_text_that_no_file_can_hold_is_written_as_escapes() -> None:
    csv_text([{"a": "\ud800"}]).encode()
    assert json.loads(json_text([{"a": "\ud800", "b": "=1+1"}])) == [{"a": "\ud800", "b": "=1+1"}]


@pytest.mark.parametrize(
    ("title", "name"),
    [("runs", "runs.csv"), ("../../etc/<x>", "etc-x.csv"), ("…", "table.csv"), ("a" * 200, "a" * 80 + ".csv")],
)
def test_file_names_are_names_on_any_system(title: str, name: str) -> None:
    assert file_name(title, "csv") == name
