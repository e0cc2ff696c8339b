"""Turns prompts into a matrix of words and pairs of words, and predicts labels from it by logistic regression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluators.training_data.corpus import LabelField

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from evaluators.training_data.corpus import Corpus


AT_LEAST = 5
"""Prompts that a word must occur in."""
MOST_WORDS = 8_000
LONGEST = 400
"""Words of a prompt that are read."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words and pairs of neighbouring words, each with its column."""

    columns: dict[str, int]

    @property
    def words(self) -> list[str]:
        """The words in the order of their columns."""
        return list(self.columns)

    def matrix(self, prompts: Sequence[str]) -> csr_matrix[Any]:
        """1 where the prompt of the row has the word of the column."""
        from scipy.sparse import csr_matrix

        found: list[int] = []
        ends = [0]
        for prompt in prompts:
            found += sorted({self.columns[term] for term in _terms(prompt) if term in self.columns})
            ends.append(len(found))
        ones = np.ones(len(found), dtype=np.float32)
        return csr_matrix((ones, found, ends), shape=(len(prompts), len(self.columns)))


def vocabulary(prompts: Sequence[str]) -> Vocabulary:
    """The most frequent words and pairs of words of normalised prompts."""
    counts: Counter[str] = Counter()
    for prompt in prompts:
        # Unlike a set, this has the same order in each process, so that equally frequent words have, too.
        counts.update(list(dict.fromkeys(_terms(prompt))))
    words = [word for word, count in counts.most_common(MOST_WORDS) if count >= AT_LEAST]
    return Vocabulary({word: at for at, word in enumerate(words)})


def without_neighbours(prompt: str, phrase: str) -> str:
    """The prompt without the two words on both sides of each place of a phrase."""
    words, size = prompt.split(), len(phrase.split())
    near = {
        one
        for at in range(len(words) - size + 1)
        if " ".join(words[at : at + size]) == phrase
        for one in (at - 2, at - 1, at + size, at + size + 1)
    }
    return " ".join(word for at, word in enumerate(words) if at not in near)


def even_sample(rows: int, most: int) -> NDArray[np.int64]:
    """So many of the row numbers, evenly spread; all of them if there are no more."""
    step = max(1.0, rows / most)
    return (np.arange(int(rows / step)) * step).astype(np.int64)


def _terms(prompt: str) -> Iterator[str]:
    words = prompt.split(" ", LONGEST)[:LONGEST]
    yield from words
    yield from (f"{one} {other}" for one, other in pairwise(words))


INVERSE_PENALTY = 10.0


class LabelModel:
    """Learns one field from some rows. It sees the words of the prompt, and the other fields."""

    def __init__(self, corpus: Corpus, words: Vocabulary, field: LabelField, others: Sequence[LabelField]) -> None:
        self._corpus = corpus
        self._words = words
        self._field = field
        self._others = [one for one in others if one is not field]

    def predict(self, learn: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The expected labels of ``rows`` and their probabilities, learnt from ``learn``, which all have a label."""
        from sklearn.linear_model import LogisticRegression

        labels = [str(self._field.values[row]) for row in learn]
        if len(set(labels)) < 2:
            return np.full(len(rows), labels[0] if labels else None, dtype=object), np.ones(len(rows))
        model = LogisticRegression(C=INVERSE_PENALTY, max_iter=1_000).fit(self._features(learn), labels)
        shares = model.predict_proba(self._features(rows))
        return np.array(model.classes_, dtype=object)[shares.argmax(axis=1)], shares.max(axis=1)

    def _features(self, rows: NDArray[np.int64]) -> csr_matrix[Any]:
        from scipy.sparse import csr_matrix, hstack

        words = self._words.matrix([self._corpus.prompts[row] for row in rows])
        columns = [[one.values[row] == value for row in rows] for one in self._others for value in sorted(one.counts)]
        return hstack([words, csr_matrix(np.array(columns, dtype=np.float32).T)]).tocsr() if columns else words
