"""Abstentions are told from answers, in realistic wordings."""

from __future__ import annotations

from evaluators.scoring.answer_text import abstention
from fairtrial.domain.run import Answer
from tests.fixtures.for_each import for_each

ABSTENTIONS = {
    "refuses": ("I'm sorry, but I can't help with that.", "I cannot assist with that request."),
    "hands_over": (
        "That is outside my area. Please contact our support team.",
        "I’ll forward this to a colleague.",
        "I can only help with tickets about Lumen Home products.",
        "Your question is not related to our products.",
        "Let me transfer you to a human.",
    ),
    "does_not_know": (
        "I don't know.",
        "I do not have enough information to answer.",
        "It is unclear who was reluctant.",
        "The text does not say who abdicated.",
        "The passage doesn’t mention any airport in 2019.",
        "This cannot be determined from the given text.",
        "It isn't specified in the context.",
        "There is not enough context to tell.",
        "There is no mention of a doctor.",
        "Unsure",
        "N/A",
    ),
    "asks": (
        "Could you please clarify which product you mean?",
        "Please provide more details about the problem.",
        "Which device are you asking about?",
        "Hello, what is your order number?",
        "What do you mean by that?",
        "I need more information to help you.",
    ),
}
ANSWERS = (
    "",
    "The lawyer was reluctant.",
    "Paris is the capital of France. Would you like to know more about it?",
    '{"intent": "refund", "product": "hub", "urgency": "low", "order_id": null}',
    "The Constitution does not give the states this power.",
    "You can contact the seller by e-mail to return it within 30 days.",
    "He asked whether they knew the way, and nobody did.",
    "Canada borders Alaska.",
    "No information was lost, because the journal is synced.",
)


@for_each(("form", "text"), [(form, text) for form, texts in ABSTENTIONS.items() for text in texts])
def test_an_abstention_is_found_in_its_form(form: str, text: str) -> None:
    assert abstention(Answer(text)) == form


@for_each("text", ANSWERS)
def test_an_ordinary_answer_is_not_an_abstention(text: str) -> None:
    assert abstention(Answer(text)) is None


def test_a_refusal_of_the_api_is_an_abstention() -> None:
    assert abstention(Answer("", refusal="I can't.")) == "refuses"
    assert abstention(Answer("", finish_reason="content_filter")) == "refuses"
