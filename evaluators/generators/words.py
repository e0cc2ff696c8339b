"""Families of questions on words: opposites and plurals."""

from __future__ import annotations

from collections.abc import Iterator

from evaluators.generators.family import Family
from evaluators.generators.question import Question, answers, lines, question

KIND = "knowledge"


def form_of_word(pool: str, form: str, word: str, answer: str) -> Family:
    """The form of each word in the pool, whose second column has the accepted answers; the example is not in it."""

    def asked() -> Iterator[Question]:
        return (question(f"What is the {form} of '{row[0]}'?", answers(row[1])) for row in lines(pool))

    example = (f"What is the {form} of '{word}'?", f"The {form} of '{word}' is '{answer}'.")
    return Family(pool, KIND, asked, example)


OPPOSITES = form_of_word("opposites", "opposite", "hot", "cold")
PLURALS = form_of_word("plurals", "plural", "mouse", "mice")
