"""The language of prose is known only where a text is long and clear enough, and JSON has none."""

from __future__ import annotations

from fairtrial.domain.answers.language import LONGEST, language_of, prose_of, switches
from tests.fixtures.for_each import for_each

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


@for_each("text", NO_LANGUAGE)
def test_a_short_text_a_label_code_or_an_address_has_no_language(text: str) -> None:
    assert language_of(text) is None


def test_the_long_texts_of_json_have_a_language() -> None:
    assert language_of('{"intent": "refund", "reply": "' + QUESTIONS["de"] + '"}') == "de"


def test_thoughts_before_an_answer_do_not_count() -> None:
    assert language_of(f"<think>{QUESTIONS['en'] * 3}</think>{QUESTIONS['fr']}") == "fr"


def test_an_answer_switches_the_language_exactly_if_both_are_known_and_differ() -> None:
    assert switches(QUESTIONS["de"], QUESTIONS["en"]) is True
    assert switches(QUESTIONS["de"], QUESTIONS["de"]) is False
    assert switches(QUESTIONS["de"], "ok") is None
    assert switches("ok", QUESTIONS["de"]) is None


def test_addresses_are_no_prose_and_a_text_full_of_at_signs_takes_linear_time() -> None:
    assert prose_of("write to anna@example.org, see www.example.org/a or x@y") == "write to   see   or x@y"
    assert prose_of("a@" * 100_000) == "a@" * (LONGEST // 2)
