"""Numbers and times as people read them, and foreign text that Markdown can't turn into anything."""

from __future__ import annotations

import csv
import io
import json

import pytest

from dashboard.components import formatting
from dashboard.components.formatting import csv_text, file_name, json_text
from fairtrial.domain.wording import age, counted
from tests.fixtures.for_each import for_each

US = 1_800_000_000_000_000


@for_each(
    ("value", "shown"),
    [
        (formatting.share(None), "–"),
        (formatting.share(1, 0), "–"),
        (formatting.share(1, 8), "12.5 %"),
        (formatting.milliseconds(840.2), "840 ms"),
        (formatting.milliseconds(2310), "2.3 s"),
        (formatting.dollars(None), "–"),
        (formatting.dollars(0), "$0.0000"),
        (formatting.dollars("0.000021000"), "$0.000021"),
        (formatting.dollars(1234.5), "$1,234.5000"),
        (formatting.figure(0.308, form="share"), "30.8 %"),
        (formatting.figure(41.3, form="share", scale=100.0), "41.3 %"),
        (formatting.figure(-0.5), "−0.5"),
        (formatting.change(-0.25, form="share"), "−25.0"),
        (formatting.change(210.0, form="ms"), "+210 ms"),
        (formatting.change(None), "–"),
        (formatting.count(12345), "12,345"),
        (counted(1, "case"), "1 case"),
        (counted(2, "person", "people"), "2 people"),
        (formatting.duration(10_800), "3 h"),
        (formatting.duration(86_400), "1 day"),
        (formatting.duration(5), "5 s"),
        (age(US, US + 59_000_000), "just now"),
        (age(US, US + 60_000_000), "1 minute ago"),
        (age(US, US + 3 * 86_400_000_000 + 5), "3 days ago"),
        (formatting.moment(US), "15 Jan 2027, 08:00 UTC"),
        (formatting.moment_of("2027-01-15T09:00:00+01:00"), "15 Jan 2027, 08:00 UTC"),
        (formatting.moment_of(None), "–"),
        (formatting.second_of("2027-01-15T09:00:05+01:00"), "15 Jan 2027, 08:00:05 UTC"),
        (formatting.second_of(None), "–"),
        (formatting.readable_reference('["Paris", "paris"]'), "Paris or paris"),
        (formatting.readable_reference('"Paris"'), "Paris"),
        (formatting.readable_reference("not JSON"), "not JSON"),
        (formatting.readable_reference(None), "–"),
    ],
)
def test_values_have_readable_forms(value: str, shown: str) -> None:
    assert value == shown


@for_each("text", ["http://x.invalid", "WWW.x.invalid", "a@b.invalid", "a -> b", "a <= b", "a -- b"])
def test_links_and_arrows_in_finished_text_are_split_invisibly(text: str) -> None:
    assert formatting.JOINER in formatting.plain(text)
    assert formatting.plain(text).replace(formatting.JOINER, "").replace("\\", "") == text


def test_foreign_text_stays_on_its_line_and_keeps_its_characters() -> None:
    shown = formatting.plain("# a\n- **b** <i> $x$ ![c](d) :red[e] `f`")
    assert "\n" not in shown
    assert shown.replace("\\", "") == "# a - **b** <i> $x$ ![c](d) :red[e] `f`"
    for mark in "#*<$![:`":
        assert f"\\{mark}" in shown


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
