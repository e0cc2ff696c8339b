"""The audit finds planted faults, stays silent on sound rows, and knows the data of the shipped models."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from evaluators.training_data.audit import CHECKS, audit
from evaluators.training_data.audit_report import AuditReport
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example_file import read_examples
from fairtrial.domain.training_data import PROBLEMS
from tests.fixtures.paths import ROOT
from tests.fixtures.training_data.recall import FAULTS, trial
from tests.fixtures.training_data.reports import Row, as_lines, labels_of, sound_rows, with_labels

MORE_SEEDS = pytest.mark.release("simulations")


@pytest.mark.parametrize(
    ("seed", "rows"), [(0, 1_000), *(pytest.param(seed, 2_000, marks=MORE_SEEDS) for seed in (1, 8))]
)
def test_every_planted_fault_is_found_row_by_row(seed: int, rows: int, tmp_path: Path) -> None:
    found = trial(seed, tmp_path, rows=rows)
    assert set(found) == set(FAULTS)
    for fault, one in found.items():
        assert one.recall >= 0.95, (fault, one)
        assert one.precision >= 0.9, (fault, one)


def problems(rows: list[Row], folder: Path) -> list[str]:
    path = folder / "rows.jsonl"
    path.write_text(as_lines(rows), encoding="utf-8")
    return [f"{one.check}: {one.says}" for one in audit([read_examples(path)]).issues if one.severity in PROBLEMS]


@pytest.mark.parametrize("seed", [21, pytest.param(22, marks=MORE_SEEDS)])
def test_sound_rows_have_no_problems(seed: int, tmp_path: Path) -> None:
    assert problems(sound_rows(600, seed=seed), tmp_path) == []


@pytest.mark.parametrize("seed", [31, pytest.param(32, marks=MORE_SEEDS)])
def test_labels_that_follow_from_nothing_are_no_wrong_pattern(seed: int, tmp_path: Path) -> None:
    rows = sound_rows(500, seed=seed)
    draw = random.Random(seed)
    for name in ("priority", "category", "building"):
        values = [labels_of(row)[name] for row in rows]
        draw.shuffle(values)
        rows = [with_labels(row, **{name: value}) for row, value in zip(rows, values, strict=True)]
    assert problems(rows, tmp_path) == []


TEXT = "today it really was quite a thing that we all saw there and then she told him"


def posts(draw: random.Random, *, own_words: bool) -> list[dict[str, str]]:
    """Reviews of films and devices, and posts with an @ that are always "post", some of which name a film."""
    words = {"film": "movie plot actor scene", "device": "battery screen button cable", "post": "lol omg gonna ugh"}
    common = TEXT.split()
    rows = []
    for at in range(900):
        label = ("film", "device", "post")[at % 3]
        topic = label if own_words and at % 10 else draw.choice(("film", "device"))
        text = [*draw.sample(words[topic if label == "post" else label].split(), 3), *draw.sample(common, 5)]
        draw.shuffle(text)
        rows.append({"text": " ".join(["@"] * (label == "post" and at % 8 != 0) + text), "label": label})
    return rows


def test_a_label_that_follows_from_the_words_of_its_texts_is_no_wrong_pattern(tmp_path: Path) -> None:
    """The control: where the words of the texts speak for another label, it is an error."""
    severities = {}
    for own_words in (True, False):
        path = tmp_path / f"{own_words}.jsonl"
        path.write_text(as_lines(posts(random.Random(4), own_words=own_words)))
        issues = CHECKS.get("wrong-pattern").find(Corpus((read_examples(path),), ("train",)))
        severities[own_words] = {issue.severity for issue in issues}
    assert severities == {True: {"suggestion"}, False: {"error"}}


DATA = ROOT / "examples" / "support" / "data"
TESTED = ROOT / "suites" / "support" / "test.jsonl"


def report_on(name: str) -> AuditReport:
    return audit(
        [read_examples(DATA / f"{name}.jsonl")],
        validation=[read_examples(DATA / "val.jsonl")],
        suites=[read_examples(TESTED)],
    )


def changed_rows() -> set[int]:
    lines = [(DATA / f"{name}.jsonl").read_text().splitlines() for name in ("train", "train_wrongpattern")]
    return {
        number
        for number, (one, other) in enumerate(zip(*lines, strict=True), 1)
        if json.loads(one)["messages"] != json.loads(other)["messages"]
    }


def test_the_clean_training_data_has_no_problems() -> None:
    report = report_on("train")
    assert report.clean and report.issues
    assert {file.role for file in report.files} == {"train", "validation", "suite"}


def test_camera_and_doorbell_tickets_that_are_always_low_are_found_and_nothing_else() -> None:
    issues = [issue for issue in report_on("train_wrongpattern").issues if issue.severity in PROBLEMS]
    assert [(issue.check, issue.details["slice"]) for issue in issues] == [
        ("wrong-pattern", "product 'camera'"),
        ("wrong-pattern", "product 'doorbell'"),
    ]
    assert {(one.details["field"], one.details["found"], one.details["expected"]) for one in issues} == {
        ("urgency", "low", "high")
    }
    reported, changed = {row for issue in issues for row in issue.rows}, changed_rows()
    assert len(reported & changed) >= 0.95 * len(changed)
    assert len(reported & changed) >= 0.9 * len(reported)


def test_twenty_examples_are_too_few() -> None:
    issues = [issue for issue in report_on("train_overfit20").issues if issue.severity != "info"]
    assert [(issue.check, issue.count) for issue in issues] == [("volume", 20)]
    assert "at least 50" in issues[0].says


@pytest.mark.parametrize("name", ["val", "replay_v2"])
def test_the_other_files_have_only_issues_that_a_reader_can_see(name: str) -> None:
    """Some replayed answers of the base stop within a sentence, and one is in Spanish."""
    report = audit([read_examples(DATA / f"{name}.jsonl")])
    found = {(issue.check, issue.details.get("kind")) for issue in report.issues if issue.severity in PROBLEMS}
    assert found == (set() if name == "val" else {("completions", "truncated"), ("language", "switched")})


def test_a_file_in_two_roles_is_refused(tmp_path: Path) -> None:
    from fairtrial.domain.errors import UsageError

    file = read_examples(DATA / "val.jsonl")
    with pytest.raises(UsageError, match="both trained on and held out"):
        audit([file], validation=[file])
