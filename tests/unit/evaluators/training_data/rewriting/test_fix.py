"""A fix makes the repairs that are certain, and suggests the others, which a person applies by kind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evaluators.training_data.audit import audit
from evaluators.training_data.example_file import ExampleFile, read_examples
from evaluators.training_data.rewriting.fix import (
    REPAIRS,
    SUGGESTED,
    Fixed,
    FixOptions,
    change_lines,
    fix_examples,
    review_lines,
)
from fairtrial_cli.data_commands import fix as command
from tests.fixtures.paths import ROOT

CLEAN = ROOT / "examples/support/data/train.jsonl"
EMAIL = "anna.meier@example.org"
ROWS: list[dict[str, Any]] = [
    {"prompt": "My parcel never arrived.", "completion": "delivery"},
    {"prompt": "The invoice shows the wrong amount.", "completion": "billing"},
    {"prompt": "my parcel never arrived", "completion": "Delivery"},
    {"prompt": "How do I reset the thermostat?", "completion": ""},
    {"prompt": f"Please write to {EMAIL} about the lamp.", "completion": "contact", "reply_to": EMAIL},
    {"prompt": "Give me the settings of the hub.", "completion": '{"settings": {"night": "y'},
    {"prompt": "Repeat after me, please.", "completion": "Repeat after me, please."},
    {"prompt": "Is the doorbell waterproof?", "completion": "product", "note": "ü stays ü"},
]


def write(folder: Path, rows: Sequence[Any], name: str = "rows.jsonl") -> ExampleFile:
    path = folder / name
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return read_examples(path)


ALL = FixOptions(apply=frozenset(SUGGESTED))


def only(*repairs: str, **more: Any) -> FixOptions:
    return FixOptions(frozenset(repairs), frozenset(repairs), **more)


def reviewed(found: Fixed) -> list[dict[str, Any]]:
    return [json.loads(line) for line in review_lines(found)]


def changed(found: Fixed) -> list[tuple[int, str, str]]:
    return [(change.line, change.action, change.repair) for change in found.changes]


def test_only_certain_repairs_are_made_unless_a_person_names_more(tmp_path: Path) -> None:
    spaced = json.dumps(ROWS[0], indent=1).replace("\n", "") + "\n"
    found = fix_examples(write(tmp_path, [*ROWS, spaced, "{broken\n"]), FixOptions())
    assert changed(found) == [(10, "removed", "unreadable")]
    assert [(suggestion.line, suggestion.action, suggestion.repair) for suggestion in found.suggestions] == [
        (3, "suggested", "near-duplicates"),
        (4, "suggested", "empty"),
        (5, "suggested", "pii"),
        (6, "suggested", "truncated"),
        (7, "suggested", "echo"),
        (9, "suggested", "duplicates"),
    ]
    assert sorted(found.rows) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert found.counts["truncated suggested"] == 1
    assert [(one["line"], one["before"], one["after"]) for one in reviewed(found)] == [
        *((line, ROWS[line - 1], None) for line in (3, 4)),
        (
            5,
            ROWS[4],
            {"prompt": "Please write to [email] about the lamp.", "completion": "contact", "reply_to": "[email]"},
        ),
        *((line, ROWS[line - 1], None) for line in (6, 7)),
        (9, ROWS[0], None),
    ]
    named = fix_examples(write(tmp_path, ROWS), FixOptions(apply=frozenset({"truncated"})))
    assert changed(named) == [(6, "removed", "truncated")]
    assert [suggestion.line for suggestion in named.suggestions] == [3, 4, 5, 7]


def test_the_command_offers_the_repairs_that_there_are() -> None:
    assert tuple(SUGGESTED) == command.SUGGESTED and REPAIRS == command.REPAIRS


DAMAGED = [
    ("mojibake", "The cafÃ© opens at nine.", "The café opens at nine."),
    ("control-character", "The lamp\u200b is\x07 red.", "The lamp is red."),
    ("html", "<p>Use salt &amp; pepper.</p>", "Use salt & pepper."),
    ("template-token", "It is red.<|im_end|>", "It is red."),
]


def test_damaged_texts_are_repaired_where_a_person_agrees_and_only_there(tmp_path: Path) -> None:
    for kind, damaged, repaired in DAMAGED:
        row = {"prompt": "Tell me more.", "completion": damaged, "note": damaged}
        file = write(tmp_path, [ROWS[0], row, ROWS[1]])
        suggested = fix_examples(file, FixOptions())
        assert (suggested.changes, json.loads(suggested.rows[2])) == ((), row)
        (review,) = reviewed(suggested)
        assert (review["line"], review["kind"], review["before"]) == (2, kind, row)
        assert review["after"] == {**row, "completion": repaired, "note": repaired}
        applied = fix_examples(file, FixOptions(apply=frozenset({kind})))
        assert changed(applied) == [(2, "changed", kind)] and json.loads(applied.rows[2]) == review["after"]
        assert [applied.rows[line] for line in (1, 3)] == [suggested.rows[line] for line in (1, 3)]


def test_columns_in_capital_letters_stay_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "Question,Answer\nDo you sell coffee?,We sell it in the cafÃ© too.\nAnd tea?,Yes.\n", encoding="utf-8"
    )
    applied = fix_examples(read_examples(path), FixOptions(apply=frozenset({"mojibake"})))
    assert changed(applied) == [(2, "changed", "mojibake")]
    assert json.loads(applied.rows[2]) == {"Question": "Do you sell coffee?", "Answer": "We sell it in the café too."}


def test_a_row_that_a_repair_empties_is_then_found_empty(tmp_path: Path) -> None:
    rows = [*ROWS[:2], {"prompt": "Where is the lamp?", "completion": "<|im_end|>"}]
    found = fix_examples(write(tmp_path, rows), FixOptions(apply=frozenset({"template-token", "empty"})))
    assert changed(found) == [(3, "changed", "template-token"), (3, "removed", "empty")]


def test_what_an_audit_finds_and_no_repair_is_for_remains(tmp_path: Path) -> None:
    rows = [{"prompt": f"Where is parcel {at}?", "completion": ("late", "lost")[at % 2]} for at in range(60)]
    file = write(tmp_path, [*rows, {**rows[0], "completion": "lost"}, {"prompt": "Where?", "completion": ""}])
    assert [(one.check, one.rows) for one in fix_examples(file, FixOptions()).remaining] == [
        ("contradictions", (1, 61))
    ]
    remaining = fix_examples(file, only("duplicates")).remaining
    assert [(one.check, one.rows) for one in remaining if one.rows] == [
        ("completions", (62,)),
        ("contradictions", (1, 61)),
    ]


def test_sentences_without_a_full_stop_are_not_removed(tmp_path: Path) -> None:
    """Most answers end with a full stop, so that those without one look cut off. Most of them are whole."""
    whole = [f"Part {at} keeps the water of the machine warm all day{'.' * (at < 95)}" for at in range(100)]
    rows = [{"prompt": f"What does part {at} do?", "completion": text} for at, text in enumerate(whole)]
    found = fix_examples(write(tmp_path, rows), FixOptions())
    assert (found.changes, len(found.rows)) == ((), 100)
    assert {suggestion.repair for suggestion in found.suggestions} <= {"unfinished", "near-duplicates"}


def test_each_repair_changes_its_rows_and_says_why(tmp_path: Path) -> None:
    found = fix_examples(write(tmp_path, ROWS), ALL)
    assert changed(found) == [
        (3, "removed", "near-duplicates"),
        (4, "removed", "empty"),
        (5, "masked", "pii"),
        (6, "removed", "truncated"),
        (7, "removed", "echo"),
    ]
    assert [change.reason for change in found.changes] == [
        "nearly repeats line 1",
        "the prompt or the completion is empty",
        "2 × email",
        "its JSON ends early",
        "the completion only repeats the prompt",
    ]
    assert found.counts == {
        "near-duplicates removed": 1, "empty removed": 1, "pii masked": 1, "truncated removed": 1, "echo removed": 1,
    }  # fmt: skip


def test_rows_that_are_not_changed_stay_byte_for_byte(tmp_path: Path) -> None:
    odd = '{"completion":  "product",\t"prompt": "Is the caf\\u00e9 machine loud?" }\r\n'
    file = write(tmp_path, [ROWS[0], odd, ROWS[3]])
    found = fix_examples(file, ALL)
    assert tuple(found.rows.values()) == (json.dumps(ROWS[0]).encode(), odd.strip("\r\n").encode())


DIALECTS = [
    [{"role": "User", "content": "Is it loud?"}, {"role": "Assistant", "content": "No."}],
    [{"role": "user", "content": "Is it red?"}, {"role": "model", "content": "Yes, it is."}],
    [{"from": "human", "value": "Is it new?"}, {"from": "gpt", "value": "It is from May."}],
    [
        {"role": "user", "content": "Is it open?"},
        {"role": "assistant", "content": "Until nine."},
        {"role": "user", "content": "Thanks!"},
    ],
]


def test_rows_of_another_dialect_stay_and_are_suggested_with_usual_roles(tmp_path: Path) -> None:
    usual = [{"role": "user", "content": "Is it big?"}, {"role": "assistant", "content": "It is small."}]
    file = write(tmp_path, [{"messages": messages, "id": at} for at, messages in enumerate([usual, *DIALECTS])])
    found = fix_examples(file, FixOptions())
    assert (found.changes, len(found.rows)) == ((), 5)
    assert [(each.line, each.repair) for each in found.suggestions] == [(line, "dialect") for line in range(2, 6)]
    again = fix_examples(file, FixOptions(apply=frozenset({"dialect"})))
    answers = ["No.", "Yes, it is.", "It is from May.", "Until nine."]
    for line, answer in enumerate(answers, 2):
        row = json.loads(again.rows[line])
        assert [list(said) for said in row["messages"]] == [["role", "content"]] * 2
        assert row["messages"][1] == {"role": "assistant", "content": answer} and row["id"] == line - 1


def test_a_whole_row_that_the_format_cannot_read_stays_as_it_is_written(tmp_path: Path) -> None:
    odd = '{"question":  "Is it loud?"}'
    file = write(tmp_path, [*ROWS[:2], odd + "\n", {"prompt": "x", "completion": 7, "pictures": []}, "{broken\n"])
    found = fix_examples(file, FixOptions())
    assert changed(found) == [(5, "removed", "unreadable")] and found.rows[3] == odd.encode()
    assert (3, "other-format") in [(each.line, each.repair) for each in found.suggestions]
    removed = fix_examples(file, FixOptions(apply=frozenset({"other-format"})))
    assert (3, "removed", "other-format") in changed(removed) and 3 not in removed.rows


def test_rows_that_are_repeated_on_purpose_stay(tmp_path: Path) -> None:
    found = fix_examples(write(tmp_path, [ROWS[0], ROWS[1], ROWS[0], ROWS[0]]), FixOptions())
    assert (found.changes, len(found.rows)) == ((), 4)
    assert [(each.line, each.repair) for each in found.suggestions] == [(3, "duplicates"), (4, "duplicates")]


def test_only_proven_personal_text_outside_of_code_is_masked(tmp_path: Path) -> None:
    rows = [
        {"prompt": "My card 4111 1111 1111 1111 was charged twice.", "completion": "billing"},
        {"prompt": "Pay to DE89 3704 0044 0532 0130 00, please.", "completion": "billing"},
        {"prompt": "Use :func:`~pandas.read_csv` with password='secret99'.", "completion": "It reads a file."},
        {"prompt": "Call +49 170 1234567.", "completion": "contact"},
        {"prompt": "```\ncard = '4111 1111 1111 1111'\n```", "completion": "code"},
        {"prompt": "My card is 4111 1111 1111 1111.", "completion": '{"card": "4111111111111111"}'},
    ]
    found = fix_examples(write(tmp_path, rows), FixOptions())
    assert changed(found) == [(1, "masked", "pii"), (2, "masked", "pii")]
    assert json.loads(found.rows[1])["prompt"] == "My card [card] was charged twice."
    assert [json.loads(found.rows[line]) for line in range(3, 7)] == rows[2:]


def test_tools_and_ids_of_calls_are_never_masked(tmp_path: Path) -> None:
    call = {
        "id": "call_DE89370400440532013000mmya",
        "type": "function",
        "function": {"name": "mail", "arguments": "{}"},
    }
    tools = [{"type": "function", "function": {"name": "mail", "description": f"Writes to {EMAIL}."}}]
    messages = [
        {"role": "user", "content": f"Write to {EMAIL}."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "sent"},
        {"role": "assistant", "content": "It is sent."},
    ]
    file = write(tmp_path, [{"messages": messages, "tools": tools}])
    assert fix_examples(file, FixOptions()).changes == ()
    masked = json.loads(fix_examples(file, only("pii")).rows[1])
    assert masked == {"messages": [{"role": "user", "content": "Write to [email]."}, *messages[1:]], "tools": tools}


def test_masked_text_is_replaced_by_its_kind_in_every_column(tmp_path: Path) -> None:
    found = fix_examples(write(tmp_path, [ROWS[4]]), only("pii"))
    [row] = map(json.loads, found.rows.values())
    assert row == {
        "prompt": "Please write to [email] about the lamp.", "completion": "contact", "reply_to": "[email]",
    }  # fmt: skip
    assert EMAIL.encode() not in b"".join(change_lines(found.changes))


def test_rows_with_personal_text_can_be_dropped(tmp_path: Path) -> None:
    found = fix_examples(write(tmp_path, ROWS[:5]), only("pii", pii="drop"))
    assert changed(found) == [(5, "removed", "pii")] and len(found.rows) == 4


def test_a_duplicate_of_a_removed_row_is_kept(tmp_path: Path) -> None:
    cut = {"prompt": "Give me the settings of the hub.", "completion": '{"settings": {"night": "y'}
    whole = cut | {"completion": '{"settings": {"night": true}}'}
    found = fix_examples(write(tmp_path, [cut, whole, whole | {"id": 2}]), ALL)
    assert changed(found) == [(1, "removed", "truncated"), (3, "removed", "near-duplicates")]


def test_rows_of_held_out_files_are_removed(tmp_path: Path) -> None:
    held_out = write(
        tmp_path, [{"prompt": "The invoice shows the wrong amount!", "completion": "billing"}], "test.jsonl"
    )
    found = fix_examples(write(tmp_path, ROWS[:3]), only("leaked", against=(held_out,)))
    assert changed(found) == [(2, "removed", "leaked")]


def test_unreadable_rows_are_removed_with_the_reason(tmp_path: Path) -> None:
    found = fix_examples(write(tmp_path, [ROWS[0], "{broken\n", ROWS[1]]), FixOptions())
    assert changed(found) == [(2, "removed", "unreadable")]
    assert "not JSON" in found.changes[0].reason


def test_only_the_wanted_repairs_are_applied(tmp_path: Path) -> None:
    found = fix_examples(write(tmp_path, ROWS), only("empty"))
    assert changed(found) == [(4, "removed", "empty")]


def test_a_csv_becomes_json_with_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("input,expected,team\nMy parcel is late.,delivery,a\nMy parcel is late.,delivery,b\n")
    found = fix_examples(read_examples(path), FixOptions())
    assert [json.loads(row) for row in found.rows.values()] == [
        {"input": "My parcel is late.", "expected": "delivery", "team": team} for team in "ab"
    ]
    assert [(suggestion.line, suggestion.repair) for suggestion in found.suggestions] == [(3, "near-duplicates")]


def test_clean_data_is_copied_unchanged() -> None:
    file = read_examples(CLEAN)
    found = fix_examples(file, FixOptions())
    assert found.changes == ()
    assert b"".join(row + b"\n" for row in found.rows.values()) == CLEAN.read_bytes()


@pytest.mark.parametrize("rows", [ROWS, ROWS + ROWS])
def test_after_a_fix_an_audit_finds_none_of_it_again(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    found = fix_examples(write(tmp_path, rows), ALL)
    fixed = tmp_path / "fixed.jsonl"
    fixed.write_bytes(b"".join(row + b"\n" for row in found.rows.values()))
    again = audit([read_examples(fixed)])
    assert not [issue for issue in again.issues if issue.check in ("duplicates", "completions", "pii", "secrets")]
