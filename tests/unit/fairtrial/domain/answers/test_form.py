"""The form of a text is that of the whole text, and a hostile text costs little."""

from __future__ import annotations

from fairtrial.domain.answers.form import form_of, shape_of
from tests.fixtures.for_each import for_each

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
