"""Measures which words of a prompt determine its label: naive Bayes over the words that clearly go with one class.

The words are weighed by presence only, so a prompt without such words has no evidence for any class, not even for
the most frequent one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Floats = NDArray[np.float64]
    Counts = tuple[Floats, Floats]

CLEAR_Z = 4.0
"""The z-score of a word's association with a class that makes it evidence; 3 in 100,000 words reach it by chance."""
PURE = 0.7
"""The share of a word's rows that one class must have."""
NEW_Z = 2.0
"""The same for a word that hardly occurs outside of a slice, within it."""
SCREEN_Z = 3.0
"""Words below this z-score in all rows are not looked at for a part of the rows."""
AT_LEAST = 5
MOST_WORDS = 1_000
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
    best = np.sort(np.argsort(-strength, kind="stable")[:MOST_WORDS])
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


def _z(having: Floats, totals: Floats) -> Floats:
    """The z-score of the difference of two shares: rows with the word among the class, and among the others."""
    rows, others = having.sum(axis=1, keepdims=True), totals.sum() - totals
    inside, outside = (having + 0.5) / (totals + 1), (rows - having + 0.5) / (others + 1)
    pooled = (rows + 0.5) / (totals.sum() + 1)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / np.maximum(totals, 1) + 1 / np.maximum(others, 1)))
    found: Floats = (inside - outside) / spread
    return found
