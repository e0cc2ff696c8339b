"""Generates questions on capitals, facts, word forms and translations from hand-written pools."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from evaluators.generators.draw import Draw
from evaluators.generators.question import Question, answers, lines, question, usable

LANGUAGES = ("Spanish", "French", "German", "Italian")
CAPITAL = (
    "What is the capital of {word}?",
    "Which city is the capital of {word}?",
    "Name the capital of {word}.",
    "What is the capital city of {word}?",
)
FORMS = {
    "plurals": ("What is the plural of '{word}'?", "Give the plural of the word '{word}'.", "One {word}, two ...?"),
    "opposites": (
        "What is the opposite of '{word}'?",
        "Give the opposite of the word '{word}'.",
        "Which word means the opposite of '{word}'?",
    ),
    "pasts": (
        "What is the past tense of '{word}'?",
        "Give the simple past of the verb '{word}'.",
        "Today I {word}. Put the verb '{word}' into the past tense.",
    ),
}
TRANSLATION = (
    "Translate '{word}' into {language}.",
    "How do you say '{word}' in {language}?",
    "What is the {language} word for '{word}'?",
)


def capitals(seed: int, count: int) -> list[Question]:
    draw = Draw(seed, "capitals")

    def ask(row: Sequence[str]) -> Question:
        return question("capitals", draw.one(CAPITAL).format(word=row[0]), answers(row[1]))

    return _drawn(draw, "capitals", ask, count)


def facts(seed: int, count: int) -> list[Question]:
    draw = Draw(seed, "facts")
    return _drawn(draw, "facts", lambda row: question("facts", row[0], answers(row[1])), count)


def word_forms(seed: int, count: int) -> list[Question]:
    """Plurals, opposites and past tenses, a third each, in random order."""
    draw = Draw(seed, "word_forms")
    drawn: list[Question] = []
    for pool, wordings in FORMS.items():

        def ask(row: Sequence[str], wordings: tuple[str, ...] = wordings) -> Question:
            return question("word_forms", draw.one(wordings).format(word=row[0]), answers(row[1]))

        drawn += _drawn(draw, pool, ask, count // len(FORMS))
    return draw.shuffled(drawn)


def translations(seed: int, count: int) -> list[Question]:
    """Each word at most once, translated into one of four languages."""
    draw = Draw(seed, "translations")

    def ask(row: Sequence[str]) -> Question:
        known = [each for each in range(len(LANGUAGES)) if row[each + 1] != "—"]
        chosen = draw.one(known)
        text = draw.one(TRANSLATION).format(word=row[0], language=LANGUAGES[chosen])
        return question("translations", text, answers(row[chosen + 1]))

    return _drawn(draw, "translations", ask, count)


def _drawn(draw: Draw, pool: str, ask: Callable[[Sequence[str]], Question], count: int) -> list[Question]:
    """The first ``count`` usable questions of the pool in random order, without duplicates."""

    def fitting() -> Iterator[Question]:
        seen: set[str] = set()
        for row in draw.shuffled(lines(pool)):
            asked = ask(row)
            if usable(asked) and asked.text not in seen:
                seen.add(asked.text)
                yield asked

    return list(fitting())[:count]
