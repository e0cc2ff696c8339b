"""Pairs of answers are read from every form that TRL and OpenAI document, with their tools, and written whole."""

from __future__ import annotations

from typing import Any

import pytest

from evaluators.training_data.example import FORMATS, REJECTED, RowError
from evaluators.training_data.rewriting.convert import convert_examples
from tests.fixtures.for_each import for_each
from tests.fixtures.training_data.provider_rows import ANSWER, TOOLS, USER, call, calling, pair, result

PREFERENCE = FORMATS.get("preference")
COLD = {"role": "assistant", "content": "Cold."}
FORMS: dict[str, dict[str, Any]] = {
    "openai": {"input": {"messages": [USER]}, "preferred_output": [ANSWER], REJECTED: [COLD]},
    "texts": {"prompt": USER["content"], "chosen": ANSWER["content"], "rejected": "Cold."},
    "messages": {"prompt": [USER], "chosen": [ANSWER], "rejected": [COLD]},
    "prompt repeated in the answers": {"prompt": USER["content"], "chosen": [USER, ANSWER], "rejected": [USER, COLD]},
    "implicit": {"chosen": [USER, ANSWER], "rejected": [USER, COLD]},
    "implicit text": {"chosen": "How warm is Oslo? Twelve degrees.", "rejected": "How warm is Oslo? Cold."},
}


@for_each("form", [*FORMS])
def test_each_documented_form_has_the_same_prompt_and_answers(form: str) -> None:
    assert PREFERENCE.lacks(FORMS[form]) == ()
    example = PREFERENCE.read(FORMS[form], 1)
    found = (example.prompt.strip(), example.completion, example.fields[REJECTED])
    assert found == (USER["content"], ANSWER["content"], "Cold.")


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ({"chosen": "Yes.", "rejected": "No."}, "share no beginning"),
        ({"chosen": [USER, ANSWER, USER, ANSWER], "rejected": [USER, COLD]}, "differ in more than the last message"),
        ({"chosen": "Yes.", "rejected": [COLD]}, "are not both texts"),
        ({**FORMS["openai"], "preferred_output": [USER, ANSWER]}, "has 2 messages"),
        ({"prompt": None, "chosen": "Yes.", "rejected": "No."}, "'prompt' has no messages"),
    ],
)
def test_other_rows_are_unreadable_with_the_reason(row: dict[str, Any], wrong: str) -> None:
    with pytest.raises(RowError, match=wrong):
        PREFERENCE.read(row, 1)


@for_each("name", ["preference", "trl-dpo", "trl-kto"])
def test_tools_and_calls_survive_in_the_prompt_and_in_both_answers(name: str) -> None:
    row = pair([USER, calling(call()), result(), calling(call('{"city": "Rome"}', call_id="call_2"))], TOOLS)
    row[REJECTED] = [calling(call('{"city": "Bern"}', call_id="call_3"))]
    made = convert_examples([PREFERENCE.read(row, 1)], name)
    assert made.losses == made.refused == ()
    rows = [one.columns for one in made.rows]
    if name == "preference":
        for message in (row["input"]["messages"][1], *row["preferred_output"], *row[REJECTED]):
            message["content"] = None
        assert rows == [row]
    assert all(text in str(rows) for text in ("Oslo", "Rome", "Bern", "call_3"))
    assert "{\\" not in str(rows[0].get("rejected", "")), "calls stay calls, and do not become a text"


def test_a_conversational_prompt_and_completion_are_read_as_messages() -> None:
    read = FORMATS.get("completion").read
    example = read({"prompt": [USER], "completion": [ANSWER], "source": "mail"}, 1)
    assert example.messages == (USER, ANSWER) and example.fields == {"source": "mail"}
    assert read({"prompt": "How warm?", "completion": ["mild", "wet"]}, 1).completion == '["mild", "wet"]'
