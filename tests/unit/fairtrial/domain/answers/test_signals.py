"""A case shows a signal only where it departs from what is expected, and all other scores."""

from __future__ import annotations

from fairtrial.domain.answers.signals import (
    LONGEST_PROSE,
    departs,
    form_of,
    language_of,
    prose_of,
    shape_of,
    switches_language,
)
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
    assert departs(metric, value) is shown


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


QUESTIONS = {
    "en": "The doorbell does not ring since yesterday evening. What can I do?",
    "de": "Die Türklingel läutet seit gestern Abend nicht mehr. Was kann ich tun?",
    "fr": "La sonnette ne sonne plus depuis hier soir. Que puis-je faire ?",
    "es": "El timbre no suena desde ayer por la noche. ¿Qué puedo hacer?",
    "it": "Il campanello non suona più da ieri sera. Che cosa posso fare?",
    "pt": "A campainha não toca desde ontem à noite. O que posso fazer?",
    "zh": "门铃从昨天晚上开始就不响了，我该怎么办？",
    "ja": "昨日の夜からドアベルが鳴りません。どうすればいいですか。",
}
NO_LANGUAGE = (
    "",
    "ok",
    "billing",
    "42",
    "LM-12345",
    '{"intent": "refund", "product": "hub", "urgency": "high", "order_id": "LM-12345"}',
    "https://example.com/a-long-path/which-looks-like-words/but-is-an-address",
    "```python\nfor number in range(10):\n    print(number, number * number)\n```",
    "</think>",
)


@for_each("language", QUESTIONS)
def test_the_language_of_a_sentence_is_known(language: str) -> None:
    assert language_of(QUESTIONS[language]) == language


def test_malay_counts_as_indonesian_and_croatian_as_serbian() -> None:
    assert language_of("Bagaimanakah saya boleh menukar kata laluan akaun saya sekarang?") == "id"
    assert language_of("Kada će stići moja narudžba i gdje mogu vidjeti račun za prošli tjedan?") == "sr"


@for_each("text", NO_LANGUAGE)
def test_a_short_text_a_label_code_or_an_address_has_no_language(text: str) -> None:
    assert language_of(text) is None


def test_the_long_texts_of_json_have_a_language() -> None:
    assert language_of('{"intent": "refund", "reply": "' + QUESTIONS["de"] + '"}') == "de"


def test_thoughts_before_an_answer_do_not_count() -> None:
    assert language_of(f"<think>{QUESTIONS['en'] * 3}</think>{QUESTIONS['fr']}") == "fr"


def test_an_answer_switches_the_language_exactly_if_both_are_known_and_differ() -> None:
    assert switches_language(QUESTIONS["de"], QUESTIONS["en"]) is True
    assert switches_language(QUESTIONS["de"], QUESTIONS["de"]) is False
    assert switches_language(QUESTIONS["de"], "ok") is None
    assert switches_language("ok", QUESTIONS["de"]) is None


def test_addresses_are_no_prose_and_a_text_full_of_at_signs_takes_linear_time() -> None:
    assert prose_of("write to anna@example.org, see www.example.org/a or x@y") == "write to   see   or x@y"
    assert prose_of("a@" * 100_000) == "a@" * (LONGEST_PROSE // 2)
