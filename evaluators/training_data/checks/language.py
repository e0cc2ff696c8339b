"""Finds the languages of the prompts, and completions in another language than their prompt."""

from collections import Counter
from collections.abc import Mapping

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus, normalise
from evaluators.training_data.example import Example
from evaluators.training_data.labels.words import even_sample
from evaluators.training_data.requests_and_refusals import names_language
from fairtrial.domain.answers.signals import LANGUAGES, SAME_LANGUAGE, prose_of
from fairtrial.language_model import identifier

LEAST_LETTERS = 8
LAST_LATIN = "\u024f"
"""Letters of a text below which its language is not known. Those of other scripts count twice."""
LONGEST_NAME = 4
"""Words of a text that is taken for a name if all of them have a capital letter."""
SURE = 0.9
"""The probability from which on a language is known, among all languages or among those of the file."""
UNLIKELY = 0.01
"""The probability of the prompt's language up to which an answer of unclear language has another one."""
LEAST_TEXTS, LEAST_SHARE = 3, 0.005
"""A language of so many texts, and of this share of them, is a language of the file."""
HABIT = 0.9
"""If one language has this share of the known prompts, the other prompts are presumed to have it."""
TASK_ROWS, TASK_SHARE = 3, 0.5
"""A word in so many prompts, of which this share is answered in another language, names a task such as translation."""
EXCEPTIONS = 0.15
"""If more than this share of the rows is answered in another language, this is a task, and no row is an exception."""
MOST_ROWS = 20_000
"""Rows that are read, evenly spread."""

Shares = Mapping[str, float]


def _find(corpus: Corpus) -> list[Issue]:
    rows = [int(row) for row in even_sample(len(corpus.train), MOST_ROWS)]
    prompts = {row: _shares(corpus.examples[row].prompt) for row in rows}
    answers = {row: _shares(corpus.examples[row].completion) for row in rows if not corpus.labels[row]}
    languages = _languages([*prompts.values(), *answers.values()])
    requested = _known(prompts, languages)
    return [_summary(corpus, len(rows), requested), *_switches(corpus, requested, answers, _known(answers, languages))]


def _shares(text: str) -> Shares:
    """The probability of each language, or nothing if the text is too short, or looks like a name."""
    prose = prose_of(text)
    words = prose.split()
    name = 2 <= len(words) <= LONGEST_NAME and all(word[:1].isupper() for word in words)
    letters = sum(1 + (letter > LAST_LATIN) for letter in prose if letter.isalpha())
    if name or letters < LEAST_LETTERS:
        return {}
    shares: Counter[str] = Counter()
    for name, share in identifier(LANGUAGES).rank(prose):
        shares[SAME_LANGUAGE.get(name, name)] += share
    return shares


def _languages(texts: list[Shares]) -> set[str]:
    """The languages of the file: those of many texts that need no other evidence."""
    counts = Counter(name for shares in texts for name, share in shares.items() if share >= SURE)
    least = max(LEAST_TEXTS, LEAST_SHARE * counts.total())
    return {name for name, count in counts.items() if count >= least}


def _known(texts: Mapping[int, Shares], languages: set[str]) -> dict[int, str]:
    """The language of each row's text, as far as it is known.

    The likeliest language must be sure, or be a language of the file and sure among these.
    """
    known = {}
    for row, shares in texts.items():
        first = max(shares, key=shares.__getitem__, default="")
        among = sum(shares[name] for name in languages) if first in languages else 1
        if shares and shares[first] >= SURE * among:
            known[row] = first
    return known


def _summary(corpus: Corpus, rows: int, requested: Mapping[int, str]) -> Issue:
    counts = Counter(requested.values())
    named = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(5))
    sentence = f"prompts: the language of {len(requested):,} of {rows:,} ({len(requested) / max(1, rows):.0%}) is known"
    sentence += f": {named}" if named else ""
    sentence += "; the others are too short or have no clear language" if len(requested) < rows else ""
    return corpus.summary(
        "language", "info", sentence, len(counts), counts=dict(counts), known=len(requested), rows=rows
    )


def _switches(
    corpus: Corpus, requested: Mapping[int, str], answers: Mapping[int, Shares], answered: Mapping[int, str]
) -> list[Issue]:
    """The rows with a completion in another language, apart from tasks such as translation."""
    counts = Counter(requested.values()).most_common(1)
    usual = counts[0][0] if counts and counts[0][1] >= HABIT * len(requested) else None
    switched = [
        row for row, shares in answers.items() if _differs(requested.get(row, usual), shares, answered.get(row))
    ]
    if not switched or len(switched) > EXCEPTIONS * len(answers):
        return []
    words = {row: _words(corpus.examples[row]) for row in answers}
    inside = Counter(word for row in switched for word in words[row])
    total = Counter(word for of in words.values() for word in of)
    tasks = {word for word, count in inside.items() if count >= TASK_ROWS and count >= TASK_SHARE * total[word]}
    rows = [row for row in switched if not words[row] & tasks and not names_language(corpus.examples[row].prompt)]
    sentence = "{rows} with a completion in another language than its prompt, unlike the others"
    return corpus.issues("language", "warning", rows, sentence, kind="switched")


def _words(example: Example) -> set[str]:
    return set(normalise(f"{example.system} {example.prompt}").split())


def _differs(requested: str | None, shares: Shares, answered: str | None) -> bool:
    """Whether an answer has another language than its prompt, even if it is not clear which."""
    if requested is None or not shares:
        return False
    return shares[requested] <= UNLIKELY if answered is None else answered != requested


check = Check("the languages of the prompts, and completions in another language than their prompt", _find)
