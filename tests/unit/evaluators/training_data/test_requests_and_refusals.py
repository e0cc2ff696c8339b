"""The sentence that refuses is found in each language, and answers that begin alike have none."""

from __future__ import annotations

from evaluators.training_data.requests_and_refusals import refusing_sentence
from tests.fixtures.evaluators.refusal_texts import ANSWERS, REFUSALS

OTHERS = (
    "Helaas kan ik niet aan dit verzoek voldoen.", "Als AI-model kan ik geen antwoord geven op deze vraag.",
    "Przepraszam, ale nie mogę w tym pomóc.", "Jako model językowy nie jestem w stanie odpowiedzieć na to pytanie.",
    "К сожалению, я не могу ответить на этот вопрос.", "Извините, но я не могу помочь с этим.",
    "Вибачте, але я не можу з цим допомогти.", "На жаль, я не можу відповісти на це запитання.",
    "Üzgünüm, bu konuda size yardımcı olamam.", "Maalesef bu soruya cevap veremiyorum.",
    "죄송합니다. 해당 질문에는 답변드릴 수 없습니다.", "죄송하지만 도와드릴 수 없습니다.",
    "عذرًا، لا أستطيع مساعدتك في ذلك.", "بصفتي نموذجًا لغويًا، لا يمكنني تلبية هذا الطلب.",
    "मुझे खेद है, लेकिन मैं इस प्रश्न का उत्तर नहीं दे सकता।", "क्षमा करें, मैं इसमें आपकी मदद नहीं कर सकता।",
    "متأسفم، نمی‌توانم در این مورد کمک کنم.", "به عنوان یک مدل زبانی، قادر به انجام این درخواست نیستم.",
    "Tyvärr kan jag inte svara på den frågan.", "Jag är ledsen, men jag kan inte hjälpa till med det.",
    "Je mi líto, ale s tím vám nemohu pomoci.", "Jako jazykový model nemohu tomuto požadavku vyhovět.",
    "Îmi pare rău, dar nu te pot ajuta cu asta.", "Din păcate, nu pot răspunde la această întrebare.",
    "Sorry, that's not something I can help with.", "Leider ist es mir nicht möglich, diese Frage zu beantworten.",
    "對不起，我幫不了你。", "Beklager, men det kan jeg ikke hjelpe deg med.",
    "Maaf, saya tidak bisa menjawab pertanyaan ini.",
)  # fmt: skip
QUOTED = {"The agent said: I can't help with that."}
"""Reported speech is taken for a refusal, because the speaker of a sentence is not known."""
LONG = "Here is how you open the box. " * 20


def test_refusals_are_found_and_answers_that_begin_alike_are_not() -> None:
    missed = [text for text in (*OTHERS, *sum(REFUSALS.values(), ())) if not refusing_sentence(text)]
    named = {text for texts in ANSWERS.values() for text in texts if refusing_sentence(text)}
    assert (missed, named) == ([], QUOTED)


def test_a_further_sentence_hides_a_refusal_only_in_a_long_answer() -> None:
    for text in OTHERS:
        assert refusing_sentence(f"Hello! {text}")
        assert not refusing_sentence(f"{LONG}{text}")
