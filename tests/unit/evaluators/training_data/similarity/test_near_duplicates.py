"""Near duplicates are found among many rows, and short questions about other numbers are none."""

from __future__ import annotations

import random

import pytest

from evaluators.training_data.corpus import normalise
from evaluators.training_data.similarity.near_duplicates import find_similar, similar
from tests.fixtures.for_each import for_each
from tests.fixtures.training_data.faults import EDITS, edited
from tests.fixtures.training_data.reports import sound_rows


def text(row: dict[str, object]) -> str:
    return normalise(row["messages"][1]["content"])  # type: ignore[index, call-overload]


@for_each("edit", EDITS, label=lambda edit: edit.__name__)
def test_one_small_edit_leaves_a_text_similar(edit: object) -> None:
    draw = random.Random(1)
    rows = sound_rows(200, seed=3)
    found = [similar(text(row), normalise(edit(row["messages"][1]["content"], draw))) for row in rows]  # type: ignore[operator]
    assert sum(found) >= 0.99 * len(found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is 14 times 3?", "What is 14 times 5?"),
        ("How much is 18 plus 4? Answer with the number.", "How much is 13 plus 18? Answer with the number."),
        ("What is 2+2?", "What is 2-2?"),
        ("What is the capital of Niger?", "What is the capital of Nigeria?"),
    ],
)
def test_questions_about_something_else_are_not_similar(one: str, other: str) -> None:
    common = frozenset(normalise("what is the capital of how much plus times answer with number").split(" "))
    assert not similar(normalise(one), normalise(other), common)


def test_copies_are_found_among_thousands_of_rows_and_nothing_else() -> None:
    rows = sound_rows(3_000, seed=4)
    draw = random.Random(2)
    copies = [edited(row, draw) for row in rows[:100]]
    found = find_similar([text(row) for row in (*rows, *copies)])
    pairs = {tuple(sorted(pair)) for pair in (*found.near, *(group[:2] for group in found.same))}
    wanted = {(number, 3_000 + number) for number in range(100)}
    assert len(pairs & wanted) >= 97
    assert len(pairs - wanted) <= 2


def test_a_long_instruction_that_all_rows_share_does_not_make_them_similar() -> None:
    head = "Please read the following message of a customer carefully and classify it into one of our eight teams now "
    texts = [normalise(head + row["messages"][1]["content"]) for row in sound_rows(600, seed=5)]
    found = find_similar(texts)
    assert found.near == ()


def test_many_equal_rows_are_one_group_and_cost_no_comparison() -> None:
    found = find_similar(["ok thanks"] * 20_000 + ["something else"] + [""] * 5)
    assert [len(group) for group in found.same] == [20_000]
    assert found.near == ()


def test_clusters_join_equal_and_nearly_equal_rows() -> None:
    base = "the water heater in the long corridor of the north wing is broken since monday"
    found = find_similar([base, "another text without any relation", base, base.replace("broken", "brokne")])
    assert found.clusters() == [[0, 2, 3]]
