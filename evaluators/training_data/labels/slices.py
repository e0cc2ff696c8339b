"""Lists the slices of training rows that may share a wrong pattern: field values, pairs of values, and phrases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluators.training_data.labels.label_fields import LabelField

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from evaluators.training_data.corpus import Corpus

AT_LEAST, AT_LEAST_SHARE, AT_MOST_SHARE = 15, 0.005, 0.5
"""A slice has at least 15 rows and 0.5 %, and at most half of all rows."""
MOST_PHRASES, MOST_PAIRS = 500, 200


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows with some field values, or with a phrase in the prompt. ``member`` marks them among the examined rows."""

    values: tuple[tuple[LabelField, str], ...]
    phrase: str
    member: NDArray[np.bool_]

    def __str__(self) -> str:
        return " and ".join(f"{field.name} {value!r}" for field, value in self.values) or f"the phrase {self.phrase!r}"

    def has_field(self, field: LabelField) -> bool:
        """Whether the slice is defined by this field."""
        return any(one is field for one, _ in self.values)

    def in_all_rows(self, corpus: Corpus) -> NDArray[np.bool_]:
        """Which of all training rows are in the slice."""
        if self.values:
            rows = zip(*(field.values for field, _ in self.values), strict=True)
            wanted = tuple(value for _, value in self.values)
            return np.array([row == wanted for row in rows], dtype=bool)
        phrase = f" {self.phrase} "
        return np.array([phrase in f" {corpus.prompts[row]} " for row in corpus.train], dtype=bool)


def slices(
    fields: Sequence[LabelField], sample: NDArray[np.int64], words: Sequence[str], has: csr_matrix[Any]
) -> list[Slice]:
    """The slices of a size that a test can use among the rows of the sample; the simplest ones come first.

    ``has`` is the matrix of the words of these rows.
    """
    single = list(_values(fields, sample))
    pairs = sorted(_pairs(single), key=lambda one: -int(one.member.sum()))[:MOST_PAIRS]
    return [*single, *pairs, *_phrases(words, has)]


def _values(fields: Sequence[LabelField], sample: NDArray[np.int64]) -> Iterator[Slice]:
    for field in fields:
        values = np.array(field.values, dtype=object)[sample]
        for value in field.counts:
            member = values == value
            if _fits(member):
                yield Slice(((field, value),), "", member)


def _pairs(single: Sequence[Slice]) -> Iterator[Slice]:
    for one, other in combinations(single, 2):
        if not other.has_field(one.values[0][0]):
            member = one.member & other.member
            if _fits(member):
                yield Slice((*one.values, *other.values), "", member)


def _phrases(words: Sequence[str], has: csr_matrix[Any]) -> Iterator[Slice]:
    by_word = has.tocsc()
    count = 0
    for at, word in enumerate(words):
        member = np.zeros(by_word.shape[0], dtype=bool)
        member[by_word.indices[by_word.indptr[at] : by_word.indptr[at + 1]]] = True
        if _fits(member):
            yield Slice((), word, member)
            count += 1
        if count == MOST_PHRASES:
            return


def _fits(member: NDArray[np.bool_]) -> bool:
    rows = int(member.sum())
    return max(AT_LEAST, AT_LEAST_SHARE * len(member)) <= rows <= AT_MOST_SHARE * len(member)
