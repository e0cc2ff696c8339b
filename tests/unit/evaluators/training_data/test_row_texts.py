"""Rows are shown masked and cut, and those that belong together side by side."""

from __future__ import annotations

from pathlib import Path

from evaluators.training_data.audit_report import Issue
from evaluators.training_data.example import Example
from evaluators.training_data.example_file import read_examples
from evaluators.training_data.row_texts import MOST_CHARACTERS, groups_of, pieces, row_text, texts_of


def example(prompt: str, completion: str, **fields: object) -> Example:
    messages = ({"role": "user", "content": prompt}, {"role": "assistant", "content": completion})
    return Example(3, messages, fields)


def test_a_secret_is_masked_also_where_the_text_is_cut() -> None:
    secret = "sk-abcdefghijklmnopqrstuvwx"
    before = "x" * (MOST_CHARACTERS - 10) + " "
    row = row_text(example(before + secret, "mail anna@example.org", note="call anna@example.org"), "a.jsonl")
    assert "sk-" not in row.messages[0][1] and row.messages[1][1] == "mail [email]"
    assert row.fields == "note: call [email]" and len(row.messages[0][1]) <= MOST_CHARACTERS


def test_what_is_left_out_is_counted() -> None:
    row = row_text(example("y" * (MOST_CHARACTERS + 7), "short"), "a.jsonl")
    assert row.cut == 7


def test_rows_that_belong_together_are_one_group_and_the_others_stand_alone() -> None:
    details = {"groups": [["a.jsonl:1", "a.jsonl:4"], ["b.jsonl:1", "b.jsonl:2"]], "matches": [["a.jsonl:6", "v:2"]]}
    issue = Issue("duplicates", "warning", "", "a.jsonl", (4, 6, 9), 3, details)
    assert list(groups_of(issue)) == [[("a.jsonl", 6), ("v", 2)], [("a.jsonl", 1), ("a.jsonl", 4)], [("a.jsonl", 9)]]


def test_texts_are_found_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "p1", "completion": "c1"}\nbroken\n{"prompt": "p3", "completion": "c3"}\n')
    texts = texts_of([read_examples(path)], [(str(path), 2), (str(path), 3), ("elsewhere", 1)])
    assert {place[1]: text.messages[0] for place, text in texts.items()} == {3: ("user", "p3")}


def test_the_words_that_differ_are_marked_and_long_texts_are_not_compared() -> None:
    assert pieces("the red lamp", "the blue lamp") == [("the ", False), ("red", True), (" lamp", False)]
    assert pieces("the red lamp", None) == (("the red lamp", False),)
    assert pieces("a " * 400, "b") == (("a " * 400, False),)
