"""A case shows a signal only where it departs from what is expected, and all other scores."""

from __future__ import annotations

from fairtrial.domain.answers.signals import departs, form_of, shape_of
from tests.fixtures.for_each import for_each


@for_each(
    ("metric", "value", "shown"),
    [
        ("signals.refused", 1.0, True),
        ("signals.refused", 0.0, False),
        ("signals.format_valid", 0.0, True),
        ("signals.format_valid", 1.0, False),
        ("signals.language_switch", 1.0, True),
        ("signals.characters", 1.0, False),
        ("queue.accuracy", 0.0, True),
        ("judge", None, True),
    ],
)
def test_a_score_is_shown_unless_it_is_a_signal_without_a_departure(
    metric: str, value: float | None, shown: bool
) -> None:
    assert departs({"metric": metric, "value": value}) is shown


FORMS = {
    ' {"a": 1}\n': "JSON object",
    "[1, 2]": "JSON list",
    "<answer><label>refund</label></answer>": "XML",
    "<?xml version='1.0'?><a/>": "XML",
    "refund": "plain text",
    "42": "plain text",
    '{"a": 1': "plain text",
    'Sure! {"a": 1}': "plain text",
    "<b>bold</b> words": "plain text",
    "<3": "plain text",
    "<a><b></a>": "plain text",
    "[" * 100_000: "plain text",
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>': "plain text",
    "": "plain text",
}


@for_each("text", FORMS)
def test_the_form_is_that_of_the_whole_text(text: str) -> None:
    assert form_of(text) == FORMS[text]


def test_json_in_a_code_block_is_neither_json_nor_plain_text() -> None:
    assert shape_of('```json\n{"a": 1}\n```') is None
    assert shape_of("```python\nprint(1)\n```") == "plain text"


def test_entities_of_an_xml_document_are_not_expanded() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'
    assert form_of(bomb) == "plain text"
