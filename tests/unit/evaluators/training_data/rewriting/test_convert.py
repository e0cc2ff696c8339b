"""Every format can be converted to every other one, and what is lost on the way is reported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluators.training_data.example import FORMATS, Example
from evaluators.training_data.rewriting.convert import convert_examples
from tests.fixtures.for_each import for_each

PLAIN = Example(
    1, ({"role": "user", "content": "Where is my parcel?"}, {"role": "assistant", "content": "On its way."})
)
SYSTEM = replace(PLAIN, line=2, messages=({"role": "system", "content": "You answer."}, *PLAIN.messages))
TURNS = replace(
    PLAIN,
    line=3,
    messages=(*PLAIN.messages, {"role": "user", "content": "When?"}, {"role": "assistant", "content": "Tomorrow."}),
)
LABELLED = replace(PLAIN, line=4, fields={"language": "en", "customer": 7})
WEIGHTED = replace(TURNS, line=5, fields={"message_fields": {"1": {"weight": 0}}})
NAMES = ("completion", "chat", "alpaca", "sharegpt", "openai", "together", "fireworks")


@for_each("name", NAMES)
def test_a_plain_pair_loses_nothing_in_any_format(name: str) -> None:
    made = convert_examples([PLAIN], name)
    assert made.losses == ()
    assert FORMATS.get(name).read(made.rows[0].columns, 1).messages == PLAIN.messages


@for_each("name", NAMES)
def test_a_system_prompt_loses_nothing_in_any_format(name: str) -> None:
    assert convert_examples([SYSTEM], name).losses == ()


@for_each("name", NAMES)
@for_each("other", NAMES)
def test_a_pair_survives_the_way_through_any_two_formats(name: str, other: str) -> None:
    once = FORMATS.get(name).read(convert_examples([SYSTEM], name).rows[0].columns, 2)
    twice = FORMATS.get(other).read(convert_examples([once], other).rows[0].columns, 2)
    assert twice.messages == SYSTEM.messages


@for_each("name", ["chat", "sharegpt", "openai", "together", "fireworks"])
def test_turns_survive_in_formats_of_conversations(name: str) -> None:
    assert convert_examples([TURNS], name).losses == ()


@pytest.mark.parametrize("name", ["completion", "alpaca"])
def test_turns_that_become_one_prompt_are_reported_with_their_lines(name: str) -> None:
    [loss] = convert_examples([PLAIN, TURNS, replace(TURNS, line=9)], name).losses
    assert loss.what == "the turns of the conversation: earlier messages become one prompt"
    assert loss.lines == (3, 9)


@pytest.mark.parametrize("name", ["openai", "together", "fireworks"])
def test_columns_that_a_provider_does_not_accept_are_reported(name: str) -> None:
    losses = convert_examples([LABELLED], name).losses
    assert [loss.what for loss in losses] == ["the field 'language'", "the field 'customer'"]


@pytest.mark.parametrize("name", ["completion", "chat", "alpaca", "sharegpt"])
def test_columns_survive_where_there_is_a_place_for_them(name: str) -> None:
    assert convert_examples([LABELLED], name).losses == ()


def test_weights_of_messages_are_kept_or_reported() -> None:
    assert convert_examples([WEIGHTED], "openai").losses == ()
    lost = [loss.what for loss in convert_examples([WEIGHTED], "sharegpt").losses]
    assert lost == ["the fields 'weight' of messages"]


def test_a_column_with_the_name_of_a_field_of_the_format_is_reported() -> None:
    [loss] = convert_examples([replace(PLAIN, fields={"completion": "another"})], "completion").losses
    assert loss.what == "the field 'completion'"
