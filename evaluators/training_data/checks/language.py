"""Finds the languages of the prompts, and completions in another language than their prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus, normalise
from evaluators.training_data.example import Example
from evaluators.training_data.labels.words import even_sample
from evaluators.training_data.requests_and_refusals import names_language
from fairtrial.domain.answers.signals import LANGUAGES, SAME_LANGUAGE, prose_of
from fairtrial.language_model import shares_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

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

_NAMES = tuple(dict.fromkeys(SAME_LANGUAGE.get(name, name) for name in LANGUAGES))


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of some rows whose language can be told, with the probability of each language (across)."""

    rows: Sequence[int]
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, texts: Mapping[int, str]) -> _Texts:
        """Without those that are too short, or look like a name."""
        prose = {row: plain for row, text in texts.items() if _is_readable(plain := prose_of(text))}
        shares = shares_of(tuple(prose.values()), LANGUAGES)
        columns = [[SAME_LANGUAGE.get(name, name) == of for of in _NAMES] for name in LANGUAGES]
        return cls(tuple(prose), shares @ np.array(columns, dtype=np.float64))

    def sure(self) -> NDArray[np.int64]:
        """How many texts of each language need no other evidence."""
        counts: NDArray[np.int64] = np.sum(self.shares >= SURE, axis=0)
        return counts

    def known(self, common: NDArray[np.bool_]) -> dict[int, str]:
        """The language of each row's text, as far as it is known.

        The likeliest language must be sure, or be a language of the file (``common``) and sure among these.
        """
        first = self.shares.argmax(axis=1)
        among = np.where(common[first], self.shares[:, common].sum(axis=1), 1)
        known = self.shares.max(axis=1) >= SURE * among
        return {row: _NAMES[at] for row, at, is_known in zip(self.rows, first, known, strict=True) if is_known}


def _find(corpus: Corpus) -> list[Issue]:
    rows = [int(row) for row in even_sample(len(corpus.train), MOST_ROWS)]
    prompts = _Texts.of({row: corpus.examples[row].prompt for row in rows})
    free = [row for row in rows if not corpus.labels[row]]
    answers = _Texts.of({row: corpus.examples[row].completion for row in free})
    counts = prompts.sure() + answers.sure()
    common = counts >= max(LEAST_TEXTS, LEAST_SHARE * counts.sum())
    requested = prompts.known(common)
    switches = _switches(corpus, requested, free, answers, answers.known(common))
    return [_summary(corpus, len(rows), requested), *switches]


def _is_readable(prose: str) -> bool:
    words = prose.split()
    name = 2 <= len(words) <= LONGEST_NAME and all(word[:1].isupper() for word in words)
    letters = accumulate(1 + (letter > LAST_LATIN) for letter in prose if letter.isalpha())
    return not name and any(count >= LEAST_LETTERS for count in letters)


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
    corpus: Corpus, requested: Mapping[int, str], free: Sequence[int], answers: _Texts, answered: Mapping[int, str]
) -> list[Issue]:
    """The rows with a completion in another language, apart from tasks such as translation."""
    counts = Counter(requested.values()).most_common(1)
    usual = counts[0][0] if counts and counts[0][1] >= HABIT * len(requested) else None
    switched = [
        row
        for row, shares in zip(answers.rows, answers.shares, strict=True)
        if (name := requested.get(row, usual)) is not None and _differs(name, shares, answered.get(row))
    ]
    if not switched or len(switched) > EXCEPTIONS * len(free):
        return []
    words = {row: _words(corpus.examples[row]) for row in free}
    inside = Counter(word for row in switched for word in words[row])
    total = Counter(word for of in words.values() for word in of)
    tasks = {word for word, count in inside.items() if count >= TASK_ROWS and count >= TASK_SHARE * total[word]}
    rows = [row for row in switched if not words[row] & tasks and not names_language(corpus.examples[row].prompt)]
    sentence = "{rows} with a completion in another language than its prompt, unlike the others"
    return corpus.issues("language", "warning", rows, sentence, kind="switched")


def _words(example: Example) -> set[str]:
    return set(normalise(f"{example.system} {example.prompt}").split())


def _differs(requested: str, shares: NDArray[np.float64], answered: str | None) -> bool:
    """Whether an answer has another language than its prompt, even if it is not clear which."""
    return bool(shares[_NAMES.index(requested)] <= UNLIKELY) if answered is None else answered != requested


check = Check("the languages of the prompts, and completions in another language than their prompt", _find)
