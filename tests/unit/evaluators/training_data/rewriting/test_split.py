"""A hold-out keeps the share of every class, splits no group, leaks nothing, and is the same for the same seed."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from evaluators.training_data.audit import CHECKS
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example_file import ExampleFile, joined_rows, read_examples, row_texts
from evaluators.training_data.rewriting.split import RowSplit, SplitOptions, split_examples
from fairtrial.domain.errors import UsageError
from fairtrial.domain.training_data import PROBLEMS
from tests.fixtures.for_each import for_each
from tests.fixtures.paths import ROOT

OPTIONS = SplitOptions(share=0.15, seed=0)
WORDS = [a + b for a in "bdfgklmnprstvz" for b in ("ab", "elo", "iru", "om", "usk", "aner", "ipo")]


def write(folder: Path, rows: list[dict[str, str]], name: str = "rows.jsonl") -> ExampleFile:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_examples(path)


def varied(count: int, seed: int = 1, **more: str) -> list[dict[str, str]]:
    """Rows whose prompts have no word order in common."""
    draw = random.Random(seed)
    return [
        {"prompt": " ".join(draw.sample(WORDS, 9)), "completion": "abc"[number % 3], **more} for number in range(count)
    ]


def completions(file: ExampleFile, rows: tuple[int, ...]) -> Counter[str]:
    return Counter(file.examples[at].completion for at in rows)


def leakage(folder: Path, file: ExampleFile, found: RowSplit) -> list[str]:
    """The problems that an audit finds between the two parts."""
    texts, parts = row_texts(file), []
    for name, rows in (("train", found.train), ("holdout", found.holdout)):
        path = folder / f"{name}.part.jsonl"
        path.write_bytes(joined_rows(texts[file.examples[at].line] for at in rows))
        parts.append(read_examples(path))
    issues = CHECKS.get("leakage").find(Corpus(tuple(parts), ("train", "validation")))
    return [issue.says for issue in issues if issue.severity in PROBLEMS]


def test_each_class_keeps_its_share_and_every_row_is_in_one_part(tmp_path: Path) -> None:
    file = write(tmp_path, varied(300))
    found = split_examples(file, OPTIONS)
    assert completions(file, found.holdout) == {"a": 15, "b": 15, "c": 15}
    assert sorted((*found.train, *found.holdout)) == list(range(300))
    assert found.label == "completion"
    assert [(class_.rows, class_.held_out) for class_ in found.classes] == [(100, 15)] * 3


def test_the_same_rows_in_another_order_give_the_same_hold_out(tmp_path: Path) -> None:
    rows = varied(200)
    held = []
    for ordered in (rows, rows[::-1]):
        file = write(tmp_path, ordered)
        held.append({file.examples[at].prompt for at in split_examples(file, OPTIONS).holdout})
    assert held[0] == held[1]


def test_another_seed_holds_out_other_rows(tmp_path: Path) -> None:
    file = write(tmp_path, varied(200))
    assert split_examples(file, OPTIONS).holdout != split_examples(file, SplitOptions(0.15, 1)).holdout


def test_repeated_rows_stay_together_and_nothing_leaks(tmp_path: Path) -> None:
    rows = varied(200)
    rows += [{**row, "prompt": f"Please, {row['prompt']}!"} for row in rows[:60]] + rows[60:100]
    file = write(tmp_path, rows)
    found = split_examples(file, OPTIONS)
    assert found.groups == 100 and found.largest == 2
    assert leakage(tmp_path, file, found) == []


def test_long_texts_with_a_passage_in_common_stay_together(tmp_path: Path) -> None:
    draw = random.Random(3)
    passages = [" ".join(draw.sample(WORDS, 30)) for _ in range(40)]
    rows = [
        {
            "prompt": f"{' '.join(draw.sample(WORDS, 12))} {passage} {' '.join(draw.sample(WORDS, 12))}",
            "completion": "ok",
        }
        for passage in passages * 3
    ]
    file = write(tmp_path, rows + varied(60))
    assert leakage(tmp_path, file, split_examples(file, OPTIONS)) == []


def test_rows_of_one_thread_stay_together(tmp_path: Path) -> None:
    rows = varied(200)
    for number, row in enumerate(rows):
        row["thread"] = f"t{number // 4}"
    file = write(tmp_path, rows)
    found = split_examples(file, OPTIONS)
    held = {file.examples[at].fields["thread"] for at in found.holdout}
    assert found.group == "thread" and held.isdisjoint(file.examples[at].fields["thread"] for at in found.train)
    assert 20 <= len(found.holdout) <= 40


def test_any_column_can_name_the_groups(tmp_path: Path) -> None:
    rows = [row | {"customer": f"k{number % 20}"} for number, row in enumerate(varied(200))]
    file = write(tmp_path, rows)
    found = split_examples(file, SplitOptions(0.15, 0, group="customer"))
    held = {file.examples[at].fields["customer"] for at in found.holdout}
    assert held.isdisjoint(file.examples[at].fields["customer"] for at in found.train)


@for_each("name", ["train", "train_wrongpattern", "replay", "replay_v2", "val"])
def test_the_bundled_tickets_are_split_by_intent_without_leaks(tmp_path: Path, name: str) -> None:
    file = read_examples(ROOT / f"examples/support/data/{name}.jsonl")
    found = split_examples(file, OPTIONS)
    assert found.label == (None if name.startswith("replay") else "intent")
    assert 0.1 <= len(found.holdout) / len(file.examples) <= 0.2
    assert leakage(tmp_path, file, found) == []


def test_a_small_class_has_a_row_in_the_hold_out(tmp_path: Path) -> None:
    rows = varied(150)
    for row in rows[:4]:
        row["completion"] = "rare"
    file = write(tmp_path, rows)
    assert completions(file, split_examples(file, OPTIONS).holdout)["rare"] == 1


def test_a_key_of_json_completions_can_be_the_class(tmp_path: Path) -> None:
    rows = [row | {"completion": json.dumps({"team": "xy"[number % 2], "id": number})}
            for number, row in enumerate(varied(100))]  # fmt: skip
    found = split_examples(write(tmp_path, rows), SplitOptions(0.2, 0, label="team"))
    assert [(class_.value, class_.held_out) for class_ in found.classes] == [("x", 10), ("y", 10)]


def test_a_column_is_named_without_case_also_if_it_is_the_completion(tmp_path: Path) -> None:
    rows = varied(60)
    text = "".join(f"{row['prompt']},{row['completion']},{number % 2}\n" for number, row in enumerate(rows))
    for head, label, columns in (
        ("text,label,Team", "label", None),
        ("text,Label,Team", "label", None),
        ("Ticket,Kind,Team", "kind", ("Ticket", "Kind")),
        ("Ticket,Kind,Team", "completion", ("Ticket", "Kind")),
    ):
        (tmp_path / "rows.csv").write_text(f"{head}\n{text}")
        file = read_examples(tmp_path / "rows.csv", columns=columns)
        found = split_examples(file, SplitOptions(0.2, 0, label=label, group="text" if columns is None else "ticket"))
        assert (found.label, {class_.value for class_ in found.classes}) == (label, {"a", "b", "c"})
        assert {class_.value for class_ in split_examples(file, SplitOptions(0.2, 0, label="TEAM")).classes} == {
            "0",
            "1",
        }


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (SplitOptions(0.15, 0, label="lable"), r"--label: no row has 'lable' \(did you mean 'label'\?\)"),
        (SplitOptions(0.15, 0, group="lable"), r"--group: no row has 'lable' \(did you mean 'label'\?\)"),
    ],
)
def test_an_unknown_column_is_an_error_with_the_nearest(tmp_path: Path, options: SplitOptions, wrong: str) -> None:
    file = write(tmp_path, [row | {"label": "a"} for row in varied(20)])
    with pytest.raises(UsageError, match=wrong):
        split_examples(file, options)


def test_rows_that_all_belong_together_cannot_be_split(tmp_path: Path) -> None:
    file = write(tmp_path, varied(50, thread="one"))
    with pytest.raises(UsageError, match="stay together"):
        split_examples(file, OPTIONS)


def test_rows_that_only_the_audit_finds_are_put_together_and_the_split_is_drawn_again(tmp_path: Path) -> None:
    draw = random.Random(3)
    rows = []
    for _ in range(30):
        passage = " ".join(draw.sample(WORDS, 40))
        rows += [
            {"prompt": f"{' '.join(draw.sample(WORDS, 14))} {passage}", "completion": "ok"},
            {"prompt": f"{passage} {' '.join(draw.sample(WORDS, 14))}", "completion": "ok"},
        ]
    file = write(tmp_path, rows)
    found = split_examples(file, SplitOptions(0.2, 4))
    assert found.groups > 0, "the audit's check of passages joined rows that are no near duplicates"
    assert leakage(tmp_path, file, found) == []
