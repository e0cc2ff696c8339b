"""The general suite: its committed file is what the generator makes, and its questions are fit to be used."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evaluators.generators import general
from evaluators.generators.general import QuestionFamily, contains, in_words, lines, normalise, question
from tests.fixtures.for_each import for_each
from tests.fixtures.paths import ROOT

COMMITTED = ROOT / "suites" / "general" / "questions.jsonl"
FORTY = ROOT / "suites" / "general" / "forty.jsonl"
DATA = ROOT / "examples" / "support" / "data"
SEEDS = range(general.SEED, general.SEED + 10)


def asked_in_training() -> set[str]:
    questions = set()
    for file in (FORTY, DATA / "replay.jsonl", DATA / "replay_v2.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            questions |= {
                normalise(message["content"]) for message in json.loads(line)["messages"] if message["role"] == "user"
            }
    return questions


def prompt_of(row: dict[str, Any]) -> str:
    return str(row["messages"][-1]["content"])


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


@for_each("seed", SEEDS)
def test_every_seed_has_all_families_in_full_and_no_question_twice(seed: int) -> None:
    rows = general.rows(seed)
    sizes = {family.name: count for family, count in general.SIZES}
    assert Counter(row["family"] for row in rows) == sizes
    assert len({prompt_of(row) for row in rows}) == len({row["id"] for row in rows}) == sum(sizes.values())


@for_each("seed", SEEDS)
def test_no_question_occurs_in_training_or_among_the_forty(seed: int) -> None:
    assert not {normalise(prompt_of(row)) for row in general.rows(seed)} & asked_in_training()


@for_each("seed", SEEDS)
def test_an_echo_of_the_question_or_of_the_example_is_never_a_right_answer(seed: int) -> None:
    for row in general.rows(seed):
        shown = " ".join(message["content"] for message in row["messages"])
        assert not [answer for answer in row["contains_any"] if contains(shown, answer)], row


def test_the_accepted_results_of_sums_are_right() -> None:
    """Computed again by Python's own arithmetic from the question's text."""
    signs = {"+": int.__add__, "-": int.__sub__, "times": int.__mul__}
    rows = [row for row in general.rows(general.SEED) if row["kind"] == "arithmetic"]
    for row in rows:
        a, sign, b = prompt_of(row).removeprefix("What is ").removesuffix("?").split(" ")
        assert row["contains_any"][0] == str(signs[sign](int(a), int(b))), row
    assert rows


def test_two_seeds_share_less_than_two_thirds_of_their_questions() -> None:
    first, second = ({prompt_of(row) for row in general.rows(seed)} for seed in (1, 2))
    assert len(first & second) < len(first) * 2 / 3


def test_the_order_of_the_questions_does_not_follow_their_families() -> None:
    """So the first questions of the suite, as with `--limit`, are of every slice."""
    assert {row["kind"] for row in general.rows(general.SEED)[:20]} == {family.kind for family, _ in general.SIZES}


def test_a_family_asks_nothing_that_its_example_answers() -> None:
    pool = [question("What is 3 + 2?", ["5"]), question("What is 3 + 1?", ["4"])]
    family = QuestionFamily("sums", "arithmetic", lambda: pool, ("What is 2 + 3?", "2 + 3 = 5"))
    assert [each.text for each in family.questions()] == ["What is 3 + 1?"]


def test_a_family_with_too_few_questions_says_so() -> None:
    family = QuestionFamily("few", "arithmetic", lambda: [question("What is 3 + 1?", ["4"])])
    with pytest.raises(ValueError, match="few: the pool has 1 questions, but 2 are needed"):
        family.draw(seed=1, count=2)


def test_the_trained_questions_are_known_to_the_generator() -> None:
    assert asked_in_training() == {normalise(cells[0]) for cells in lines("asked_before")}


def test_numbers_are_accepted_in_digits_and_in_words() -> None:
    assert in_words(25) == ["25", "twenty-five", "twenty five"]
    assert in_words(7) == ["7", "seven"]
    assert in_words(144)[1] == "one hundred and forty-four"


def test_accents_are_optional() -> None:
    assert question("What is the capital of Brazil?", ["Brasília"]).accepted == ("Brasília", "Brasilia")
