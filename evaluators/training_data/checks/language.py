"""Finds the languages of the prompts, and completions in another language than their prompt."""

from __future__ import annotations

from collections import Counter

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus
from fairtrial.domain.answers.language import identifier

LEAST_LETTERS = 60
"""Shorter texts are not judged, because their language is often misread."""
LEAST_PROBABILITY = 0.95
LONGEST = 1_000
"""Characters of a text that are read."""
MOST_ROWS = 20_000
"""Rows that are read, evenly spread."""
EXCEPTIONS = 0.05
"""If at most this share of the rows is answered in another language, these rows are exceptions."""


def _find(corpus: Corpus) -> list[Issue]:
    rows = corpus.train[:: max(1, len(corpus.train) // MOST_ROWS)]
    asked = {row: language for row in rows if (language := language_of(corpus.examples[row].prompt))}
    if not asked:
        return []
    counts = Counter(asked.values())
    named = ", ".join(f"{name} {count / len(asked):.1%}" for name, count in counts.most_common(5))
    says = f"prompts are in {named} (of {len(asked):,} prompts that are long enough to tell)"
    issues = [Issue("language", "info", says, str(corpus.files[0].path), (), len(counts), {"counts": dict(counts)})]
    return [*issues, *_switches(corpus, asked)]


def _switches(corpus: Corpus, asked: dict[int, str]) -> list[Issue]:
    answered = {
        row: language
        for row in asked
        if not corpus.labels[row] and (language := language_of(corpus.examples[row].completion))
    }
    switched = [row for row, language in answered.items() if language != asked[row]]
    if not switched or len(switched) > EXCEPTIONS * len(answered):
        return []
    says = "{rows} with a completion in another language than its prompt, unlike the others"
    return corpus.issues("language", "warning", switched, says, kind="switched")


def language_of(text: str) -> str | None:
    """The language of a text as an ISO 639-1 code, or ``None`` if the text is short or the language is unclear."""
    read = text[:LONGEST]
    if sum(map(str.isalpha, read)) < LEAST_LETTERS:
        return None
    language, probability = identifier().classify(read)
    return str(language) if probability >= LEAST_PROBABILITY else None


check = Check("the languages of the prompts, and completions in another language than their prompt", _find)
