"""The audit finds planted faults, stays silent on sound rows, and knows the data of the shipped models."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from evaluators.training_data.audit import CHECKS, audit, row_names
from evaluators.training_data.audit_report import AuditReport, Issue
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example_file import read_examples
from fairtrial.domain.training_data import PROBLEMS, Waiver
from tests.fixtures.paths import ROOT
from tests.fixtures.training_data.recall import FAULTS, trial
from tests.fixtures.training_data.reports import Row, as_lines, labels_of, sound_rows, with_labels, with_text

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
    return [
        f"{issue.check}: {issue.says}" for issue in audit([read_examples(path)]).issues if issue.severity in PROBLEMS
    ]


@pytest.mark.parametrize("seed", [21, pytest.param(22, marks=MORE_SEEDS)])
def test_sound_rows_have_no_problems(seed: int, tmp_path: Path) -> None:
    assert problems(sound_rows(600, seed=seed), tmp_path) == []


@MORE_SEEDS
@pytest.mark.parametrize("seed", [31, 32])
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
    assert {(issue.details["field"], issue.details["found"], issue.details["expected"]) for issue in issues} == {
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


DAY = date(2026, 11, 30)
EMPTY = {4, 9}
"""The lines of the rows with an empty completion."""


@pytest.fixture(name="rows", scope="module")
def rows_fixture() -> list[Row]:
    rows = sound_rows(60, seed=1)
    return [with_text(row, -1, "") if line in EMPTY else row for line, row in enumerate(rows, 1)]


def name_of(row: Row, folder: Path) -> str:
    """The name of a row that stands alone in a file."""
    path = folder / "alone.jsonl"
    path.write_text(as_lines([row]), encoding="utf-8")
    return row_names(read_examples(path), [1])[1]


def audited(rows: list[Row], folder: Path, *waivers: Waiver) -> tuple[AuditReport, Issue]:
    """The report, and its issue about empty completions."""
    path = folder / "rows.jsonl"
    path.write_text(as_lines(rows), encoding="utf-8")
    report = audit([read_examples(path)], waivers=waivers, day=DAY)
    return report, next(issue for issue in report.issues if issue.kind == "empty")


def waiver(**fields: Any) -> Waiver:
    return Waiver(**{"check": "completions", "kind": "empty", "reason": "no answer is right", "owner": "Rosa"} | fields)


def test_rows_are_covered_by_content_wherever_they_stand(rows: list[Row], tmp_path: Path) -> None:
    names = tuple(name_of(rows[line - 1], tmp_path) for line in sorted(EMPTY))
    report, issue = audited(rows, tmp_path, waiver(rows=names))
    assert report.clean and issue.is_waived and report.waiver_warnings == ()
    moved = [rows[20], rows[21], *rows]
    report, issue = audited(moved, tmp_path, waiver(rows=names))
    assert issue.is_waived and set(issue.rows) == {line + 2 for line in EMPTY}


def test_another_row_at_the_same_line_is_not_covered(rows: list[Row], tmp_path: Path) -> None:
    names = tuple(name_of(rows[line - 1], tmp_path) for line in sorted(EMPTY))
    edited = list(rows)
    edited[3] = with_text(edited[3], 1, "another question")
    report, issue = audited(edited, tmp_path, waiver(rows=names))
    assert not report.clean and issue.open_rows == (4,) and issue.waived[0].rows == (9,)


def test_all_covers_later_rows_until_it_expires(rows: list[Row], tmp_path: Path) -> None:
    report, issue = audited(rows, tmp_path, waiver(all=True, until="2026-11-30"))
    assert report.clean and issue.is_waived
    report, issue = audited(rows, tmp_path, waiver(all=True, until="2026-11-29"))
    assert not report.clean and issue.waived == ()
    assert report.waiver_warnings == (
        "the waiver of completions/empty by Rosa expired after 2026-11-29; look at the findings again, then remove or "
        "renew it",
    )


def test_a_waiver_of_another_kind_or_of_nothing_is_a_warning(rows: list[Row], tmp_path: Path) -> None:
    others = (waiver(kind="truncated", all=True), waiver(rows=("4:" + "0" * 16,)))
    report, issue = audited(rows, tmp_path, *others)
    assert not issue.waived and not report.clean
    assert [warning.partition(":")[0] for warning in report.waiver_warnings] == [
        "the waiver of completions/truncated by Rosa covers nothing",
        "the waiver of completions/empty by Rosa covers nothing",
    ]


def test_a_row_is_counted_for_the_first_waiver_that_covers_it(rows: list[Row], tmp_path: Path) -> None:
    first = waiver(rows=(name_of(rows[3], tmp_path),))
    _, issue = audited(rows, tmp_path, first, waiver(kind=None, all=True))
    assert [part.rows for part in issue.waived] == [(4,), (9,)]


def test_a_finding_without_rows_is_covered_as_a_whole(rows: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text(as_lines(rows[10:20]), encoding="utf-8")
    report = audit([read_examples(path)], waivers=[waiver(check="volume", kind=None, all=True)], day=DAY)
    [volume] = [issue for issue in report.issues if issue.check == "volume"]
    assert volume.is_waived and not volume.rows


def test_the_name_of_a_row_depends_on_its_columns_only(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"completion":"b","prompt":"a"}\n')
    (tmp_path / "b.json").write_text(json.dumps([{"prompt": "a", "completion": "b"}], indent=1))
    one, two = row_names(read_examples(tmp_path / "a.jsonl"), [1, 2]).values()
    [three] = row_names(read_examples(tmp_path / "b.json"), [1]).values()
    assert one.partition(":")[2] == two.partition(":")[2] == three.partition(":")[2]
