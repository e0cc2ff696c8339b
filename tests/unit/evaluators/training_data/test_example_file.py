"""Training files are read in each format, and what a row lacks is named."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from evaluators.training_data.example_file import MOST_SHOWN, ExampleFile, read_examples, row_texts
from fairtrial.domain.errors import UsageError
from tests.fixtures.for_each import for_each

CHAT = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Two and two?"},
        {"role": "assistant", "content": "Four."},
    ]
}
ROWS: dict[str, dict[str, Any]] = {
    "chat": {**CHAT, "metadata": {"source": "books"}},
    "completion": {"system": "Be brief.", "prompt": "Two and two?", "completion": "Four.", "source": "books"},
    "alpaca": {
        "system": "Be brief.",
        "instruction": "Two and two?",
        "input": "",
        "output": "Four.",
        "source": "books",
    },
    "sharegpt": {
        "conversations": [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "Two and two?"},
            {"from": "gpt", "value": "Four."},
        ],
        "source": "books",
    },
    "preference": {
        "input": {"messages": CHAT["messages"][:2]},
        "preferred_output": CHAT["messages"][2:],
        "non_preferred_output": [{"role": "assistant", "content": "Five."}],
        "source": "books",
    },
}


def read(folder: Path, content: str, name: str = "rows.jsonl", **options: Any) -> ExampleFile:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return read_examples(path, **options)


@for_each("name", ROWS)
def test_a_format_is_recognised_and_gives_the_same_example(name: str, tmp_path: Path) -> None:
    file = read(tmp_path, json.dumps(ROWS[name]) + "\n")
    example = file.examples[0]
    assert (file.format, file.errors) == (name, ())
    assert (example.system, example.prompt, example.completion) == ("Be brief.", "Two and two?", "Four.")
    assert example.fields["source"] == "books"
    assert file.sha256 == hashlib.sha256((tmp_path / "rows.jsonl").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("head", "row"),
    [("input,expected", "hi,greeting"), ("prompt;completion", "hi;greeting"), ("text\tlabel", "hi\tgreeting")],
)
def test_a_csv_may_have_usual_column_names_and_any_delimiter(head: str, row: str, tmp_path: Path) -> None:
    file = read(tmp_path, f"\ufeff{head}\n{row}\n", "rows.csv")
    assert (file.examples[0].prompt, file.examples[0].completion, file.examples[0].line) == ("hi", "greeting", 2)


def test_a_csv_row_of_several_lines_has_the_number_of_its_first_line(tmp_path: Path) -> None:
    file = read(tmp_path, 'prompt,completion\n"one\ntwo",a\nthree,b\n', "rows.csv")
    assert [example.line for example in file.examples] == [2, 4]


def test_columns_with_other_names_can_be_named(tmp_path: Path) -> None:
    text = "Ticket,Team\nwhere is it,delivery\n"
    file = read(tmp_path, text, "rows.csv", columns=("Ticket", "Team"))
    assert (file.examples[0].prompt, file.examples[0].completion) == ("where is it", "delivery")
    with pytest.raises(UsageError, match=r"no column 'Tickt' \(did you mean 'Ticket'\?\)"):
        read(tmp_path, text, "rows.csv", columns=("Tickt", "Team"))


def test_column_names_match_without_case_and_other_columns_stay_as_they_are_written(tmp_path: Path) -> None:
    table = {
        "Question,Answer,Team": "where is it,delivery,Mail",
        "Prompt,COMPLETION,Team": "where is it,delivery,Mail",
        "Text,label,Team": "where is it,delivery,Mail",
        "INSTRUCTION,Output,Team": "where is it,delivery,Mail",
    }
    for head, row in table.items():
        example = read(tmp_path, f"{head}\n{row}\n", "rows.csv").examples[0]
        assert (example.prompt, example.completion, example.fields) == ("where is it", "delivery", {"Team": "Mail"})
    example = read(tmp_path, json.dumps({"Messages": CHAT["messages"], "Label": "sum"})).examples[0]
    assert (example.system, example.completion, example.fields) == ("Be brief.", "Four.", {"Label": "sum"})
    file = read(tmp_path, "TICKET,ticket,Team\nx,where is it,delivery\n", "rows.csv", columns=("ticket", "team"))
    assert (file.examples[0].prompt, file.examples[0].completion) == ("where is it", "delivery")
    assert json.loads(row_texts(file)[2]) == {"prompt": "where is it", "completion": "delivery", "TICKET": "x"}


def test_parquet_is_read_and_null_is_a_missing_field(tmp_path: Path) -> None:
    rows = [{**CHAT, "day": date(2026, 11, 30), "team": None}, {"messages": [{"role": "user"}]}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    file = read_examples(tmp_path / "rows.parquet")
    assert (file.examples[0].completion, file.examples[0].fields) == ("Four.", {"day": "2026-11-30"})
    assert [str(error) for error in file.errors] == [f"{tmp_path}/rows.parquet:2: messages[0] has no text in 'content'"]
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UsageError, match="the file is not a Parquet file"):
        read_examples(tmp_path / "rows.parquet")


def test_a_file_without_a_readable_row_lists_the_reason_of_each(tmp_path: Path) -> None:
    lines = ["{", "[]", *["{"] * MOST_SHOWN]
    with pytest.raises(UsageError) as caught:
        read(tmp_path, "\n".join(lines), format="chat")
    shown = str(caught.value).split("\n")
    assert len(shown) == MOST_SHOWN + 1 and shown[1].endswith("rows.jsonl:2: the row is not a JSON object")
    assert shown[-1].startswith("and 2 more rows that can't be read")


def test_a_json_file_is_a_list_whose_elements_are_numbered(tmp_path: Path) -> None:
    file = read(tmp_path, json.dumps([ROWS["alpaca"], ROWS["alpaca"]]), "rows.json")
    assert [example.line for example in file.examples] == [1, 2]


def test_an_unknown_row_says_what_each_format_lacks(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, json.dumps({"prompt": "hi", "reply": "hello"}) + "\n")
    assert "rows.jsonl:1: no format fits the row, which has 'prompt', 'reply'" in str(caught.value)
    assert "completion lacks 'completion'" in str(caught.value) and "chat lacks 'messages'" in str(caught.value)


def test_rows_that_cannot_be_read_are_kept_as_errors_with_their_line(tmp_path: Path) -> None:
    bad = (
        "{not json",
        json.dumps({"completion": "x"}),
        json.dumps({"prompt": "\ud83d", "completion": "x"}),
        json.dumps(["a list"]),
        '{"prompt": NaN, "completion": "x"}',
    )
    good = json.dumps({"prompt": "hi", "completion": "hello"})
    file = read(tmp_path, "\n".join([good, good, good, good, good, good, *bad]) + "\n")
    assert [error.line for error in file.errors] == [7, 8, 9, 10, 11]
    assert "lacks 'prompt' (it has 'completion')" in file.errors[1].wrong
    assert len(file.examples) == 6


@pytest.mark.parametrize(
    ("messages", "wrong"),
    [
        ([], "'messages' is not a list of messages"),
        ([{"role": "user", "content": "hi"}], "the last message has the role 'user'"),
        ([{"role": "robot", "content": "hi"}], r"messages\[0\] has the role 'robot' \(known: system"),
        ([{"role": "assistant", "content": 3}], r"messages\[0\] has no text in 'content'"),
    ],
)
def test_a_wrong_conversation_says_which_message_is_wrong(messages: Any, wrong: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=wrong):
        read(tmp_path, json.dumps({"messages": messages}) + "\n")


def test_tool_calls_weights_and_parts_of_a_content_are_tolerated_and_kept(tmp_path: Path) -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    row = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "text", "text": "here"}]},
            {"role": "assistant", "content": None, "tool_calls": calls, "weight": 0},
            {"role": "tool", "tool_call_id": "c1", "content": "found"},
            {"role": "assistant", "content": "Done.", "weight": 1},
        ],
        "tools": [{"type": "function"}],
    }
    example = read(tmp_path, json.dumps(row) + "\n").examples[0]
    assert example.prompt.startswith("look\nhere") and '"look"' in example.prompt
    assert example.fields["message_fields"]["1"] == {"tool_calls": calls, "weight": 0}
    assert example.fields["tools"] == [{"type": "function"}]


@pytest.mark.parametrize("name", ["rows.avro", "rows"])
def test_another_kind_of_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not a supported kind of file \(known: \.csv"):
        read(tmp_path, "x", name)


def test_an_empty_file_and_one_in_another_encoding_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the file has no rows"):
        read(tmp_path, "\n\n")
    path = tmp_path / "latin.csv"
    path.write_bytes("prompt,completion\nGrüße,ja\n".encode("latin-1"))
    with pytest.raises(UsageError, match="is not UTF-8; export it as 'CSV UTF-8'"):
        read_examples(path)


def test_a_row_with_very_many_levels_is_an_error_of_that_row(tmp_path: Path) -> None:
    deep = '{"prompt": "a", "completion": "b", "x": ' + "[" * 600 + "]" * 600 + "}"
    found = read(tmp_path, deep + '\n{"prompt": "a", "completion": "b", "x": [[[]]]}\n')
    assert [example.line for example in found.examples] == [2]
    assert [(error.line, error.wrong) for error in found.errors] == [(1, "the row has more than 100 levels")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_an_export_in_utf_16_is_read_if_it_has_a_byte_order_mark(encoding: str, tmp_path: Path) -> None:
    mark = "" if encoding == "utf-16" else "\ufeff"
    (tmp_path / "rows.csv").write_bytes((mark + "text\tlabel\r\nWo ist die Überweisung?\tfee\r\n").encode(encoding))
    example = read_examples(tmp_path / "rows.csv").examples[0]
    assert (example.prompt, example.completion, example.line) == ("Wo ist die Überweisung?", "fee", 2)


def test_a_first_line_for_excel_names_the_delimiter(tmp_path: Path) -> None:
    file = read(tmp_path, "sep=;\r\ntext;label\r\nwhere, oh where;lost\r\n", "rows.csv")
    assert [(example.prompt, example.completion, example.line) for example in file.examples] == [
        ("where, oh where", "lost", 3)
    ]


def test_a_column_that_the_header_has_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"rows\.csv:?1?: the header has the column 'text' 2 times"):
        read(tmp_path, "text,text,label\na,b,c\n", "rows.csv")
    assert len(read(tmp_path, "text,label,,\na,b,,\n", "rows.csv").examples) == 1


def test_a_quotation_mark_that_is_never_closed_has_the_line_where_its_row_begins(tmp_path: Path) -> None:
    file = read(tmp_path, 'text,label\na,b\n"c,d\ne,f\n', "rows.csv")
    assert str(file.errors[0]).endswith(
        ":3: the row is not CSV: a quotation mark that opens in this row is never closed"
    )


@pytest.mark.parametrize(
    ("name", "advice"), [("rows.csv.gz", "unpack it first"), ("rows.xlsx", "CSV UTF-8"), ("rows.txt", "name it .csv")]
)
def test_another_kind_of_file_says_what_to_do_with_it(name: str, advice: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=advice):
        read(tmp_path, "x", name)
