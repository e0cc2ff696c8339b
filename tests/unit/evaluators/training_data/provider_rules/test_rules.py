"""Each documented rule of each provider refuses a row that breaks it, and good rows pass."""

from __future__ import annotations

import random
from typing import Any

from evaluators.training_data.provider_rules.check import file_breaches, layouts_of, row_breaches
from evaluators.training_data.provider_rules.rule import PROVIDERS, TrainingUpload
from evaluators.training_data.rows import NumberedRow, UnreadableRow
from tests.fixtures.for_each import for_each
from tests.fixtures.training_data.provider_rows import ANSWER, BAD, GOOD, TOOLS, Row, call, calling, chat, result

NAMES = PROVIDERS.names()
UPLOAD = TrainingUpload(".jsonl", 20_000, 50)
FILE_FAULTS = {
    "json-lines": TrainingUpload(".csv", 20_000, 50),
    "size": TrainingUpload(".jsonl", 200 << 30, 50),
    "least-rows": TrainingUpload(".jsonl", 20_000, 2),
    "most-rows": TrainingUpload(".jsonl", 20_000, 3_000_001),
}


def numbered(rows: list[Row]) -> list[NumberedRow]:
    return [NumberedRow(line, row) for line, row in enumerate(rows, 1)]


@for_each("name", NAMES)
def test_good_rows_of_each_kind_break_no_rule(name: str) -> None:
    for layout, rows in GOOD[name].items():
        assert row_breaches(PROVIDERS.get(name), numbered(rows)) == [], layout
        assert {layouts_of(PROVIDERS.get(name), row)[0].name for row in rows} == {layout}


@for_each("name", NAMES)
def test_a_row_that_breaks_a_rule_is_named_with_its_line_and_the_rule(name: str) -> None:
    missed = []
    for layout, bad in BAD[name].items():
        for rule, row in bad.items():
            rows = [*GOOD[name][layout], row, *GOOD[name][layout]]
            breaches = row_breaches(PROVIDERS.get(name), numbered(rows))
            line = len(GOOD[name][layout]) + 1
            if {breach.line for breach in breaches} != {line} or rule not in {breach.rule for breach in breaches}:
                missed.append((layout, rule, breaches))
    assert missed == []


@for_each("name", NAMES)
def test_every_rule_has_a_row_that_breaks_it_and_a_document_that_states_it(name: str) -> None:
    provider = PROVIDERS.get(name)
    for layout in provider.layouts:
        rules = {rule.name for rule in layout.rules}
        assert BAD[name][layout.name].keys() - {"fields", "one-format"} == rules, layout.name
        errors = [rule.source for rule in layout.rules if rule.severity == "error"]
        assert {layout.source, *errors, *(limit.source for limit in provider.limits)} <= provider.documents.keys()


@for_each("name", NAMES)
def test_rows_without_the_fields_of_a_format_and_unreadable_rows_are_named(name: str) -> None:
    rows = [NumberedRow(1, {"question": "?"}), NumberedRow(2, {"messages": "none"}), UnreadableRow(3, "is not JSON")]
    found = [(breach.line, breach.rule) for breach in row_breaches(PROVIDERS.get(name), rows)]
    assert found == [(1, "fields"), (2, "fields"), (3, "readable")]


@for_each("name", ["together", "trl"])
def test_rows_of_another_format_than_most_are_named(name: str) -> None:
    rows = numbered([{"text": "One."}, {"text": "Two."}, {"prompt": "One?", "completion": "Two."}])
    [breach] = row_breaches(PROVIDERS.get(name), rows)
    assert (breach.line, breach.rule) == (3, "one-format")
    assert "prompt" not in str(row_breaches(PROVIDERS.get(name), rows[:2]))


@for_each("name", NAMES)
def test_each_limit_of_a_file_is_checked(name: str) -> None:
    provider = PROVIDERS.get(name)
    assert file_breaches(provider, UPLOAD) == []
    for limit in provider.limits:
        [breach] = file_breaches(provider, FILE_FAULTS[limit.name])
        assert (breach.line, breach.rule) == (0, limit.name)


def test_a_validation_file_may_have_fewer_rows_than_training_needs() -> None:
    few = TrainingUpload(".jsonl", 100, 2)
    assert file_breaches(PROVIDERS.get("openai"), few, training=False) == []
    assert [breach.rule for breach in file_breaches(PROVIDERS.get("openai"), few)] == ["least-rows"]


def replaced(value: Any, odd: random.Random) -> Any:
    """The value with one of its parts replaced by something that JSON can also hold."""
    if isinstance(value, dict) and value and odd.random() < 0.9:
        name = odd.choice([*value])
        return {**value, name: replaced(value[name], odd)}
    if isinstance(value, list) and value and odd.random() < 0.9:
        at = odd.randrange(len(value))
        return [*value[:at], replaced(value[at], odd), *value[at + 1 :]]
    return odd.choice(
        [None, [], {}, "", "x", 0, 1.5, True, [None], [[]], ["x"], {"role": []}, {"type": {}}, [{"id": 1}]]
    )


@for_each("name", NAMES)
def test_no_row_makes_a_rule_fail(name: str) -> None:
    odd = random.Random(name)
    rows = [row for kind in (*GOOD[name].values(), *(bad.values() for bad in BAD[name].values())) for row in kind]
    for row in rows:
        for _ in range(20):
            field = odd.choice([*row])
            broken = {**row, field: replaced(replaced(row[field], odd), odd)}
            row_breaches(PROVIDERS.get(name), numbered([broken]))


def test_what_is_wrong_is_said_without_the_text_of_a_message() -> None:
    messages = [
        {"role": "user", "content": "hunter2"},
        calling(call('{"city": 7, "pin": "hunter2"}')),
        result(),
        ANSWER,
    ]
    [breach] = row_breaches(PROVIDERS.get("openai"), numbered([chat(messages, TOOLS)]))
    assert breach.rule == "arguments-fit" and "$.city" in breach.wrong and "hunter2" not in breach.wrong
