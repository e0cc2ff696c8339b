"""Refusals by text: realistic refusals match in each language, and answers that begin alike do not."""

from __future__ import annotations

from fairtrial.domain.answers.refusals import WINDOW, refuses, refuses_by_text
from tests.fixtures.evaluators.refusal_texts import ANSWERS, REFUSALS
from tests.fixtures.for_each import for_each


@for_each(("language", "text"), [(language, text) for language in REFUSALS for text in REFUSALS[language]])
def test_a_realistic_refusal_is_detected(language: str, text: str) -> None:
    assert refuses_by_text(text)


@for_each(("language", "text"), [(language, text) for language in ANSWERS for text in ANSWERS[language]])
def test_an_answer_that_begins_alike_does_not_refuse(language: str, text: str) -> None:
    assert not refuses_by_text(text)


@for_each("language", REFUSALS)
def test_capitals_quotation_marks_and_markup_before_a_refusal_change_nothing(language: str) -> None:
    for text in REFUSALS[language]:
        if not text.startswith("<"):
            assert refuses_by_text(f'  \n> **"{text.upper()}"**') or "ß" in text


@for_each("language", REFUSALS)
def test_the_words_of_a_refusal_later_in_an_answer_mean_nothing(language: str) -> None:
    for text in REFUSALS[language]:
        assert not refuses_by_text(f"1. {text}")


def test_the_field_and_the_finish_reason_of_the_api_decide_without_a_text() -> None:
    assert refuses(None, refusal="No.")
    assert refuses("Half of an ans", finish_reason="content_filter")
    assert refuses("", finish_reason="refusal")
    assert not refuses("Of course.", refusal="", finish_reason="stop")
    assert not refuses(None)


@for_each(
    "start", ["I understand ", "Es tut mir leid, ich kann ", "En tant qu'IA ", "申し訳ありませんが", "作为人工智能"]
)
def test_a_long_text_without_an_end_takes_bounded_work(start: str) -> None:
    """The pattern reads a window, so that a long answer costs as much as a short one."""
    for filler in ("a ", "nicht ", "kann ", "お答え", " "):
        long = start + filler * 100_000
        assert refuses_by_text(long) == refuses_by_text(long[: WINDOW + len(start)])
