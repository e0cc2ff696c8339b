"""The general suite: its committed file is what the generator makes, and its questions are fit to be asked."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from evaluators.generators import general
from evaluators.generators.arithmetic import in_words
from evaluators.generators.question import contains, lines, normalise
from tests.fixtures.paths import ROOT

COMMITTED = ROOT / "suites" / "general" / "questions.jsonl"
FORTY = ROOT / "suites" / "general" / "forty.jsonl"
DATA = ROOT / "examples" / "support" / "data"
SEEDS = range(general.SEED, general.SEED + 10)


def asked_in_training() -> set[str]:
    found = set()
    for file in (FORTY, DATA / "replay.jsonl", DATA / "replay_v2.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            found |= {normalise(said["content"]) for said in json.loads(line)["messages"] if said["role"] == "user"}
    return found


def test_the_committed_questions_are_those_of_the_seed_byte_for_byte() -> None:
    assert COMMITTED.read_bytes() == general.text(general.SEED).encode()


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_another_python_makes_the_same_bytes(version: str, tmp_path: Path) -> None:
    python = shutil.which(f"python{version}")
    out = tmp_path / "questions.jsonl"
    command = [python or sys.executable, "-m", "evaluators.generators.general", "--out", str(out)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if python and ended.returncode and not out.exists():
        pytest.skip(f"python{version} does not run here")
    assert out.read_bytes() == COMMITTED.read_bytes()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_seed_has_all_kinds_in_full_and_no_question_twice(seed: int) -> None:
    rows = general.rows(seed)
    assert Counter(row["kind"] for row in rows) == {kind: count for kind, (_, count) in general.KINDS.items()}
    assert len({row["input"] for row in rows}) == len({row["id"] for row in rows}) == 360


@pytest.mark.parametrize("seed", SEEDS)
def test_no_question_was_asked_in_training_or_among_the_forty(seed: int) -> None:
    assert not {normalise(row["input"]) for row in general.rows(seed)} & asked_in_training()


@pytest.mark.parametrize("seed", SEEDS)
def test_an_echo_of_the_question_is_never_a_right_answer(seed: int) -> None:
    rows = [row for row in general.rows(seed) if row["kind"] != "reading"]
    assert not [row for row in rows if any(contains(row["input"], answer) for answer in row["contains_any"])]


def test_two_seeds_share_less_than_two_thirds_of_their_questions() -> None:
    first, second = ({row["input"] for row in general.rows(seed)} for seed in (1, 2))
    assert len(first & second) < 240


def test_the_trained_questions_are_known_to_the_generator() -> None:
    assert asked_in_training() == {normalise(cells[0]) for cells in lines("asked_before")}


def test_numbers_are_accepted_in_digits_and_in_words() -> None:
    assert in_words(25) == ["25", "twenty-five", "twenty five"]
    assert in_words(7) == ["7", "seven"]
    assert in_words(144)[1] == "one hundred and forty-four"


def test_accents_are_optional() -> None:
    brasilia = next(row for seed in SEEDS for row in general.rows(seed) if "Brasília" in row["contains_any"])
    assert "Brasilia" in brasilia["contains_any"]
