"""Decides whether the words in which two prompts differ explain why their labels differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluators.training_data.corpus import Corpus, LabelField, normalise
from evaluators.training_data.labels.evidence import labelled_words, log_lifts
from evaluators.training_data.labels.words import Vocabulary, even_sample, vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

MOST_ROWS = 20_000
SPELT_ALIKE = 0.7
"""The ratio of common letters from which on an unknown word is a misspelling."""
CLEAR = 1.0
"""The sum of log lifts from which on the differing words are a reason."""


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

    def explains(self, field: LabelField, one: int, other: int) -> bool:
        """Whether words that only one of the two rows has go with its label, or name it."""
        label, other_label = field.values[one], field.values[other]
        if label is None or other_label is None:
            return True
        if self._named(label, one, other) or self._named(other_label, other, one):
            return True
        learnt = self._learn(field)
        if not {label, other_label} <= set(learnt.classes):
            return False
        left, right = learnt.classes.index(label), learnt.classes.index(other_label)
        has = self._words.matrix(self._without_typos(one, other)).toarray()[:, learnt.words]
        for_left = learnt.lifts[:, left] - learnt.lifts[:, right]
        return float((has[0] - has[1]) @ for_left) >= CLEAR

    def _without_typos(self, one: int, other: int) -> tuple[str, str]:
        """Both prompts; an unknown word is read as the word of the other prompt that is spelt like it."""
        prompts = [self._corpus.prompts[row].split() for row in (one, other)]
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
