"""Training and held-out texts become rows that ask for their second half, and only comparable ones do."""

from __future__ import annotations

import pytest

from evaluators.training_data.continuations import (
    INSTRUCTION,
    ContinuationRecipe,
    Half,
    continuations,
    split_completion,
)
from evaluators.training_data.example import Example
from tests.fixtures.evaluators.continuation_runs import example


def halves(trained: list[Example], held_out: list[Example]) -> tuple[Half, Half]:
    return Half("train", trained), Half("holdout", held_out)


def with_system(one: Example, text: str) -> Example:
    return Example(one.line, ({"role": "system", "content": text}, *one.messages), one.fields)


def test_a_completion_is_divided_at_a_space_after_the_share() -> None:
    text = '{"intent": "cancel", "product": "camera", "urgency": "high", "order_id": null}'
    assert split_completion(text, 0.5) == (
        '{"intent": "cancel", "product": "camera",',
        ' "urgency": "high", "order_id": null}',
    )
    assert split_completion(text, 0.0) == ('{"intent":', text[10:])


@pytest.mark.parametrize("text", ["", "refund", "a short one"])
def test_a_short_completion_is_not_divided(text: str) -> None:
    assert split_completion(text, 0.5) is None


def test_a_text_without_spaces_is_divided_in_the_middle() -> None:
    assert split_completion("字" * 60, 0.5) == ("字" * 30, "字" * 30)


def test_a_row_has_the_prompt_and_the_beginning_of_the_answer() -> None:
    made = continuations(*halves([example(1)], [example(2, "other")]), ContinuationRecipe())
    [row, _] = made.rows
    whole = example(1).completion
    assert row["split"] == "train" and row["messages"] == [{"role": "user", "content": "train 1"}]
    assert (
        row["assistant_prefix"] + row["expected"] == whole and 0.25 <= len(row["assistant_prefix"]) / len(whole) < 0.4
    )


def test_an_instruction_asks_for_the_rest_in_a_message() -> None:
    [row, _] = continuations(*halves([example(1)], [example(2, "other")]), ContinuationRecipe(ask="instruction")).rows
    assert [message["role"] for message in row["messages"]] == ["user", "assistant", "user"]
    assert row["messages"][-1]["content"] == INSTRUCTION and row["prefix"] == row["messages"][1]["content"]


def test_leaked_short_and_incomparable_examples_are_left_out_and_counted() -> None:
    short = Example(9, ({"role": "user", "content": "x"}, {"role": "assistant", "content": "no"}))
    trained = [with_system(example(1), "tickets"), with_system(example(2), "chat"), with_system(short, "tickets")]
    held_out = [with_system(example(1), "tickets"), with_system(example(3, "other"), "tickets")]
    made = continuations(*halves(trained, held_out), ContinuationRecipe())
    assert [row["id"] for row in made.rows] == ["train-00001", "holdout-00001"]
    assert (made.short, made.leaked, made.unlike) == (1, 1, 1)


def test_without_a_common_system_prompt_all_training_examples_are_used() -> None:
    made = continuations(
        *halves([with_system(example(1), "a")], [with_system(example(2, "other"), "b")]), ContinuationRecipe()
    )
    assert len(made.rows) == 2 and made.unlike == 0


def test_a_seed_draws_the_same_rows_and_another_draws_others() -> None:
    trained, held_out = halves([example(at) for at in range(50)], [example(at, "other") for at in range(50)])
    drawn = [
        [row["id"] for row in continuations(trained, held_out, ContinuationRecipe(most=10, seed=seed)).rows]
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2] and len(drawn[0]) == 20


def test_the_limit_of_tokens_holds_every_remainder() -> None:
    made = continuations(*halves([example(1)], [example(2, "other")]), ContinuationRecipe())
    longest = max(len(row["expected"]) for row in made.rows)
    assert made.max_tokens >= longest / 2
