"""Predicts the labels of some rows from other rows, by logistic regression on words and the other labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluators.training_data.labels.label_fields import LabelField
from evaluators.training_data.labels.words import Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from evaluators.training_data.corpus import Corpus

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
