"""Weighs the words of prompts as evidence for labels, predicts labels from them, and explains differences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluators.training_data.corpus import Corpus, LabelField, normalise

# Measures which words of a prompt determine its label: naive Bayes over the words that clearly go with one class.
#
# The words are weighed by presence only, so a prompt without such words has no evidence for any class, not even for
# the most frequent one.

CLEAR_Z = 4.0
"""The z-score of a word's association with a class that makes it evidence; 3 in 100,000 words reach it by chance."""
PURE = 0.7
"""The share of a word's rows that one class must have."""
NEW_Z = 2.0
"""The same for a word that hardly occurs outside of a slice, within it."""
SCREEN_Z = 3.0
"""Words below this z-score in all rows are not looked at for a part of the rows."""
MOST_TELLING_WORDS = 1_000
"""Words that are looked at, those that say most."""


@dataclass(frozen=True, slots=True)
class LabelledWords:
    """The examined rows that have a label, their words, and their classes as numbers and as columns of zeros and ones.

    ``rows`` numbers them among the examined rows, and ``columns_of`` their words in the vocabulary.
    """

    rows: NDArray[np.int64]
    has: NDArray[np.float32]
    columns_of: NDArray[np.int64]
    classes: tuple[str, ...]
    label: NDArray[np.int64]
    columns: NDArray[np.float32]

    def part(self, keep: NDArray[np.bool_]) -> LabelledWords:
        """The same for some of the rows."""
        return LabelledWords(
            self.rows[keep], self.has[keep], self.columns_of, self.classes, self.label[keep], self.columns[keep]
        )

    def counts(self) -> Counts:
        """The rows of each class that have each word, and the rows of each class."""
        having: Floats = (self.has.T @ self.columns).astype(np.float64)
        totals: Floats = self.columns.sum(axis=0).astype(np.float64)
        return having, totals


def labelled_words(has: csr_matrix[Any], values: NDArray[Any]) -> LabelledWords:
    """The rows with a label (not ``None``), and only the words that say something about it."""
    rows = np.flatnonzero(np.array([value is not None for value in values], dtype=bool))
    classes = tuple(sorted({values[row] for row in rows}))
    numbers = {name: at for at, name in enumerate(classes)}
    label = np.array([numbers[values[row]] for row in rows], dtype=np.int64)
    columns = np.eye(len(classes), dtype=np.float32)[label]
    labelled = has[rows]
    strength = np.abs(_z(labelled.T @ columns, columns.sum(axis=0))).max(axis=1, initial=0)
    best = np.sort(np.argsort(-strength, kind="stable")[:MOST_TELLING_WORDS])
    telling = best[strength[best] >= SCREEN_Z]
    return LabelledWords(rows, labelled[:, telling].toarray(), telling, classes, label, columns)


def log_lifts(having: Floats, totals: Floats) -> Floats:
    """For each word and class: how much more often rows of the class have it than other rows, as a logarithm.

    It is 0 for words that do not clearly go with one class. ``having`` and ``totals`` are those of `counts`.
    """
    rows = having.sum(axis=1, keepdims=True)
    lifts = _log_ratio(having, totals)
    clear = np.abs(_z(having, totals)) >= CLEAR_Z
    pure = (having >= PURE * rows).any(axis=1, keepdims=True) & (rows >= AT_LEAST)
    lifts[~(clear & pure)] = 0
    return lifts


def slice_lifts(all_rows: Counts, inside: Counts) -> Floats:
    """The lifts of the rows outside of a slice; and for words that hardly occur there, those of the rows inside.

    For example, if all rows about a late parcel lie inside, the words for it mean what they mean there.
    """
    lifts = log_lifts(all_rows[0] - inside[0], all_rows[1] - inside[1])
    new = (all_rows[0] - inside[0]).sum(axis=1) < AT_LEAST
    telling = np.abs(_z(*inside)) >= NEW_Z
    local = np.where(telling, _log_ratio(*inside), 0)
    lifts[new] = local[new]
    return lifts


def _log_ratio(having: Floats, totals: Floats) -> Floats:
    rows = having.sum(axis=1, keepdims=True)
    inside = (having + 0.5) / (totals + 1)
    outside = (rows - having + 0.5) / (totals.sum() - totals + 1)
    ratio: Floats = np.log(inside / outside)
    return ratio


def _z(having: AnyFloats, totals: AnyFloats) -> AnyFloats:
    """The z-score of the difference of two shares: rows with the word among the class, and among the others."""
    rows, others = having.sum(axis=1, keepdims=True), totals.sum() - totals
    inside, outside = (having + 0.5) / (totals + 1), (rows - having + 0.5) / (others + 1)
    pooled = (rows + 0.5) / (totals.sum() + 1)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / np.maximum(totals, 1) + 1 / np.maximum(others, 1)))
    scores: AnyFloats = (inside - outside) / spread
    return scores


if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from fairtrial.stats.arguments import AnyFloats, Floats

    Counts = tuple[Floats, Floats]


AT_LEAST = 5
"""Prompts that a word must occur in."""
MOST_WORDS = 8_000
LONGEST = 400
"""Words of a prompt that are read."""

INVERSE_PENALTY = 10.0
MOST_ROWS = 20_000
SPELT_ALIKE = 0.7
"""The ratio of common letters from which on an unknown word is a misspelling."""
CLEAR = 1.0
"""The sum of log lifts from which on the differing words are a reason."""


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

        columns: list[int] = []
        ends = [0]
        for prompt in prompts:
            columns += sorted({self.columns[term] for term in _terms(prompt) if term in self.columns})
            ends.append(len(columns))
        ones = np.ones(len(columns), dtype=np.float32)
        return csr_matrix((ones, columns, ends), shape=(len(prompts), len(self.columns)))


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
        place
        for at in range(len(words) - size + 1)
        if " ".join(words[at : at + size]) == phrase
        for place in (at - 2, at - 1, at + size, at + size + 1)
    }
    return " ".join(word for at, word in enumerate(words) if at not in near)


def even_sample(rows: int, most: int) -> NDArray[np.int64]:
    """So many of the row numbers, evenly spread; all of them if there are no more."""
    step = max(1.0, rows / most)
    return (np.arange(int(rows / step)) * step).astype(np.int64)


def _terms(prompt: str) -> Iterator[str]:
    words = prompt.split(" ", LONGEST)[:LONGEST]
    yield from words
    yield from (f"{first} {second}" for first, second in pairwise(words))


class LabelModel:
    """Learns one field from some rows. It sees the words of the prompt, and the other fields."""

    def __init__(self, corpus: Corpus, words: Vocabulary, field: LabelField, others: Sequence[LabelField]) -> None:
        self._corpus = corpus
        self._words = words
        self._field = field
        self._others = [label_field for label_field in others if label_field is not field]

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
        columns = [
            [field.values[row] == value for row in rows] for field in self._others for value in sorted(field.counts)
        ]
        return hstack([words, csr_matrix(np.array(columns, dtype=np.float32).T)]).tocsr() if columns else words


@dataclass(frozen=True, slots=True)
class _Learnt:
    """The classes of a field, the words that say something about it, and their lifts."""

    classes: tuple[str, ...]
    words: NDArray[np.int64]
    lifts: NDArray[np.float64]


class WordDifference:
    """Compares training rows in pairs. What it learns from a sample of all rows is computed once for each field."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._learnt: dict[str, _Learnt] = {}

    @cached_property
    def _sample(self) -> NDArray[np.int64]:
        return even_sample(len(self._corpus.train), MOST_ROWS)

    @cached_property
    def _words(self) -> Vocabulary:
        return vocabulary([self._corpus.prompts[row] for row in self._sample])

    @cached_property
    def _has(self) -> csr_matrix[Any]:
        return self._words.matrix([self._corpus.prompts[row] for row in self._sample])

    def explains(self, field: LabelField, first: int, second: int) -> bool:
        """Whether words that only one of the two rows has go with its label, or name it."""
        label, other_label = field.values[first], field.values[second]
        if label is None or other_label is None:
            return True
        if self._named(label, first, second) or self._named(other_label, second, first):
            return True
        learnt = self._learn(field)
        if not {label, other_label} <= set(learnt.classes):
            return False
        left, right = learnt.classes.index(label), learnt.classes.index(other_label)
        has = self._words.matrix(self._without_typos(first, second)).toarray()[:, learnt.words]
        for_left = learnt.lifts[:, left] - learnt.lifts[:, right]
        return float((has[0] - has[1]) @ for_left) >= CLEAR

    def _without_typos(self, first: int, second: int) -> tuple[str, str]:
        """Both prompts; an unknown word is read as the word of the other prompt that is spelt like it."""
        prompts = [self._corpus.prompts[row].split() for row in (first, second)]
        only = [[word for word in words if word not in others] for words, others in (prompts, prompts[::-1])]
        return self._corrected(prompts[0], only[1]), self._corrected(prompts[1], only[0])

    def _corrected(self, words: Sequence[str], others: Sequence[str]) -> str:
        known = self._words.columns
        near = {word: get_close_matches(word, others, 1, SPELT_ALIKE) for word in set(words) if word not in known}
        return " ".join((near.get(word) or [word])[0] for word in words)

    def _named(self, label: str, having: int, lacking: int) -> bool:
        """Whether the label stands in one prompt only, as a copied number does."""
        name = f" {normalise(label)} "
        return name in f" {self._corpus.prompts[having]} " and name not in f" {self._corpus.prompts[lacking]} "

    def _learn(self, field: LabelField) -> _Learnt:
        if field.name not in self._learnt:
            data = labelled_words(self._has, np.array(field.values, dtype=object)[self._sample])
            self._learnt[field.name] = _Learnt(data.classes, data.columns_of, log_lifts(*data.counts()))
        return self._learnt[field.name]
