"""`fairtrial data split`, `convert` and `fix` write new files, completely, and never over another file."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.services.command import fairtrial_on_a_full_disk, in_process

HEAD = "Ticket,Category,Language\n"
NOUNS = ("lamp", "hub", "lock", "camera", "doorbell", "bulb", "thermostat", "plan", "switch", "sensor")
ASKED = {"delivery": "Where is the {}?", "billing": "You charged me twice: {}", "fault": "Smoke comes out of my {}!"}
TOPICS = ("in the hall", "of my mother", "from Monday", "on the second floor", "near the garden", "behind our garage")


def csv_text() -> str:
    rows = [
        f'"{asked.format(noun)} {topic}",{label},en'
        for label, asked in ASKED.items()
        for noun in NOUNS
        for topic in TOPICS
    ]
    return HEAD + "\n".join(rows) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "export.csv").write_text(csv_text(), encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = in_process("data", *arguments, cwd=folder)
    assert done.returncode == code, done.stderr
    return done


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_csv_of_ones_own_becomes_two_files_of_chats_without_leaks(folder: Path) -> None:
    before = (folder / "export.csv").read_bytes()
    run(folder, "convert", "export.csv", "--prompt", "Ticket", "--completion", "Category", "--to", "chat")
    done = run(folder, "split", "export.chat.jsonl")
    assert "export.chat.train.jsonl: 153 rows (85.0%)" in done.stdout
    train, held_out = rows(folder / "export.chat.train.jsonl"), rows(folder / "export.chat.holdout.jsonl")
    assert len(train) == 153 and len(held_out) == 27
    assert train[0]["metadata"] == {"Language": "en"} and train[0]["messages"][1]["role"] == "assistant"
    assert (folder / "export.csv").read_bytes() == before


def test_json_has_the_shares_of_each_class(folder: Path) -> None:
    run(folder, "convert", "export.csv", "--prompt", "Ticket", "--completion", "Category", "--to", "completion")
    found = json.loads(run(folder, "split", "export.completion.jsonl", "--share", "20%", "--json").stdout)
    assert found["label"] == "completion" and found["holdout"]["rows"] == 36
    assert {one["value"]: one["held_out"] for one in found["classes"]} == {"billing": 12, "delivery": 12, "fault": 12}


def test_without_column_names_the_error_says_what_the_file_has(folder: Path) -> None:
    done = run(folder, "convert", "export.csv", "--to", "chat", code=2)
    assert "export.csv:2: " in done.stderr and "'Ticket', 'Category', 'Language'" in done.stderr
    done = run(folder, "convert", "export.csv", "--to", "chat", "--prompt", "tickt", "--completion", "x", code=2)
    assert "export.csv:2: the row has no column 'tickt' (did you mean 'Ticket'?)" in done.stderr
    done = run(folder, "convert", "export.csv", "--to", "chat", "--prompt", "Ticket", code=2)
    assert "--prompt needs --completion, too" in done.stderr


def test_what_a_format_cannot_carry_is_listed_and_strict_writes_nothing(folder: Path) -> None:
    columns = ("--prompt", "Ticket", "--completion", "Category", "--to", "openai")
    done = run(folder, "convert", "export.csv", *columns, "--strict", code=1)
    assert "openai has no place for the field 'Language': 180 rows lose it (lines 2, 3, 4, 5, 6, …)" in done.stderr
    assert "Nothing was written." in done.stdout and not (folder / "export.openai.jsonl").exists()
    found = json.loads(run(folder, "convert", "export.csv", *columns, "--json").stdout)
    assert found["losses"][0]["rows"] == 180 and found["written"]["rows"] == 180


@pytest.mark.parametrize(
    ("command", "made"),
    [
        (("split", "data.jsonl"), ("data.train.jsonl", "data.holdout.jsonl")),
        (("convert", "data.jsonl", "--to", "alpaca"), ("data.alpaca.jsonl",)),
        (("fix", "data.jsonl"), ("data.fixed.jsonl", "data.fixed.log.jsonl", "data.fixed.review.jsonl")),
    ],
)
def test_no_command_replaces_a_file_without_force(
    folder: Path, command: tuple[str, ...], made: tuple[str, ...]
) -> None:
    run(folder, "convert", "export.csv", "--prompt", "Ticket", "--completion", "Category", "--to", "completion",
        "-o", "data.jsonl")  # fmt: skip
    for name in made:
        (folder / name).write_text("precious")
        done = run(folder, *command, code=2)
        assert f"{name}: the file exists (--force replaces it, or name another file)" in done.stderr
        assert (folder / name).read_text() == "precious"
        assert not [one for one in made if one != name and (folder / one).exists()]
        run(folder, *command, "--force")
        for one in made:
            assert (folder / one).read_text() != "precious"
            (folder / one).unlink()


@pytest.mark.parametrize(
    "command",
    [
        ("split", "export.csv", "--label", "Category", "--train", "export.csv"),
        ("convert", "export.csv", "--to", "chat", "-o", "./export.csv"),
        ("fix", "export.csv", "-o", "export.csv"),
    ],
)
def test_no_command_writes_the_file_that_it_reads_even_with_force(folder: Path, command: tuple[str, ...]) -> None:
    done = run(folder, *command, "--force", code=2)
    assert "this file is read, so it can't be written" in done.stderr
    assert (folder / "export.csv").read_text(encoding="utf-8") == csv_text()


def test_unreadable_rows_are_an_error_with_their_lines_unless_they_are_skipped(folder: Path) -> None:
    good = [json.dumps({"prompt": f"{noun} {topic}", "completion": "x"}) for noun in NOUNS for topic in TOPICS]
    (folder / "rows.jsonl").write_text("\n".join([*good, '{"prompt": 1', "[]"]) + "\n")
    done = run(folder, "split", "rows.jsonl", code=2)
    assert "rows.jsonl:61: " in done.stderr and "rows.jsonl:62: " in done.stderr
    assert not (folder / "rows.train.jsonl").exists()
    found = json.loads(run(folder, "split", "rows.jsonl", "--skip-unreadable", "--json").stdout)
    assert found["skipped"] == 2 and found["train"]["rows"] + found["holdout"]["rows"] == 60


def test_fix_writes_a_copy_and_a_log_and_a_dry_run_writes_nothing(folder: Path) -> None:
    silent = ["The hub is silent.", "The hub is silent.", "the hub is silent"]
    texts = ["Write to anna@example.org, please.", *silent, "Is it waterproof?"]
    (folder / "rows.jsonl").write_text("".join(json.dumps({"prompt": one, "completion": "x"}) + "\n" for one in texts))
    before = sorted(one.name for one in folder.iterdir())
    done = run(folder, "fix", "rows.jsonl", "--dry-run")
    assert "suggested 1 row: duplicates (recall " in done.stdout and "suggested 1 row: pii\n" in done.stdout
    assert "suggested 1 row: near-duplicates (recall " in done.stdout
    assert "5 rows would stay. Nothing was written." in done.stdout
    assert sorted(one.name for one in folder.iterdir()) == before
    done = run(folder, "fix", "rows.jsonl", "--apply", "duplicates", "--pii", "mask")
    assert "rows.fixed.review.jsonl: 1 suggestion (--apply KIND makes those of a kind)" in done.stdout
    kept = ["Write to [email], please.", "The hub is silent.", "the hub is silent", "Is it waterproof?"]
    assert [row["prompt"] for row in rows(folder / "rows.fixed.jsonl")] == kept
    why = {"line": 4, "reason": "nearly repeats line 2"}
    review = why | {"kind": "near-duplicates", "before": {"prompt": silent[2], "completion": "x"}, "after": None}
    [suggestion] = rows(folder / "rows.fixed.review.jsonl")
    assert suggestion.pop("reliability")["clean_rows"] > 1_000 and suggestion == review
    log = rows(folder / "rows.fixed.log.jsonl")
    found = json.loads(run(folder, "fix", "rows.jsonl", "--force", "--json").stdout)
    assert (found["counts"]["near-duplicates suggested"], found["changes"]) == (1, [])
    assert why | {"action": "suggested", "repair": "near-duplicates"} in found["suggestions"]
    found = json.loads(run(folder, "fix", "rows.jsonl", "--apply", "near-duplicates", "--dry-run", "--json").stdout)
    assert (found["rows"], [each["repair"] for each in found["suggestions"]]) == (4, ["pii", "duplicates"])
    done = run(folder, "fix", "rows.jsonl", "--apply", "leaked", "--dry-run", code=2)
    assert "leaked: needs --against FILE" in done.stderr
    assert log == [
        {"line": 1, "action": "masked", "repair": "pii", "reason": "1 × email"},
        {"line": 3, "action": "removed", "repair": "duplicates", "reason": "repeats line 2"},
    ]


@pytest.mark.parametrize("share", ["0", "100%", "half", "-3%"])
def test_a_share_that_makes_no_sense_is_a_usage_error(folder: Path, share: str) -> None:
    done = run(folder, "split", "export.csv", "--share", share, code=2)
    assert "10% to 20% is usual" in done.stderr


def test_on_a_full_disk_nothing_is_left_behind(folder: Path) -> None:
    run(folder, "convert", "export.csv", "--prompt", "Ticket", "--completion", "Category", "--to", "completion",
        "-o", "data.jsonl")  # fmt: skip
    before = sorted(one.name for one in folder.iterdir())
    done = fairtrial_on_a_full_disk(3_000, "data", "split", "data.jsonl", cwd=folder)
    assert done.returncode == 2 and "can't be written" in done.stderr, done.stderr
    assert sorted(one.name for one in folder.iterdir()) == before


def test_a_name_in_a_file_cannot_control_the_terminal(folder: Path) -> None:
    (folder / "log.jsonl").write_text(json.dumps({"step": 1, "\x1b[31mloss": 1.0}) + "\n")
    done = run(folder, "log", "log.jsonl", code=2)
    assert "\x1b" not in done.stderr and "\\u001b[31mloss" in done.stderr


def test_a_csv_of_ones_own_is_cleaned_and_split_by_its_column_names(folder: Path) -> None:
    columns = ("--prompt", "Ticket", "--completion", "Category")
    run(folder, "fix", "export.csv", *columns)
    run(folder, "split", "export.csv", *columns)
    for name, count in (("train", 153), ("holdout", 27)):
        found = rows(folder / f"export.{name}.jsonl")
        assert len(found) == count and list(found[0]) == ["prompt", "completion", "Language"]
    assert list(rows(folder / "export.fixed.jsonl")[0]) == ["prompt", "completion", "Language"]
    done = run(folder, "fix", "export.csv", "--force", code=2)
    assert "name its columns with --prompt and --completion" in done.stderr
    done = run(folder, "split", "export.csv", "--force", *columns[:2], code=2)
    assert "--prompt needs --completion, too" in done.stderr
