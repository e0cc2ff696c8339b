"""Finds answers that were swapped between rows, by how well each answer fits each prompt.

Two measures say whether an answer fits: the groups of letters that it shares with the prompt, and its distance from the
answer that the prompts of the other rows predict. A logistic regression on the file itself weighs them: rows against
random pairs. Two rows are swapped if both fit badly and the exchange is likelier than chance among all pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Floats = NDArray[np.float64]

LEAST_ROWS = 50
LONGEST = 400
"""Characters of a prompt and of an answer that are read."""
MOST_COMPARED = 1_500
"""Rows that are compared with each other, those whose own answer fits least."""
DIMENSIONS, FOLDS = 100, 5
RANDOM_PAIRS = 10
"""Random pairs for each row that the logistic regression learns from."""
LEAST_GAIN = 2.0
"""What the gain of an exchange must exceed beyond the logarithm of the number of rows."""
MOST_TERMS = 100_000


def swapped_answers(prompts: Sequence[str], answers: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of rows whose answers seem to be exchanged, each row once, the likeliest first."""
    if len(prompts) < LEAST_ROWS:
        return []
    # The matrices are small, so that more threads would mostly wait for each other.
    with threadpool_limits(limits=1):
        fit = _Fit([text[:LONGEST] for text in prompts], [text[:LONGEST] for text in answers])
        own = fit.paired(np.arange(len(prompts)), np.arange(len(prompts)))
        worst = np.flatnonzero(own < 0)
        worst = worst[np.argsort(own[worst], kind="stable")[:MOST_COMPARED]]
        across = fit.all_pairs(worst)
    gain = across + across.T - own[worst][:, None] - own[worst][None, :]
    better = (across > 0) & (across.T > 0)
    gain[~np.triu(better, 1)] = -np.inf
    least = np.log(len(prompts)) + LEAST_GAIN
    pairs: list[tuple[int, int]] = []
    used: set[int] = set()
    for at in np.argsort(-gain, axis=None, kind="stable")[: len(worst)]:
        left, right = divmod(int(at), len(worst))
        if gain[left, right] < least:
            break
        if not used & {left, right}:
            used |= {left, right}
            pairs.append((int(worst[left]), int(worst[right])))
    return pairs


class _Fit:
    """How much likelier an answer belongs to a prompt than a random one does, as a logarithm."""

    def __init__(self, prompts: Sequence[str], answers: Sequence[str]) -> None:
        from sklearn.linear_model import LogisticRegression

        self._letters = _terms(prompts, answers, analyzer="char_wb", ngram_range=(4, 5))
        self._latent = _predicted(*_terms(prompts, answers, analyzer=str.split))
        rows, draw = np.arange(len(prompts)), np.random.default_rng(0)
        shifts = draw.integers(1, len(rows), RANDOM_PAIRS)
        pairs = [(rows, rows), *((rows, (rows + shift) % len(rows)) for shift in shifts)]
        measures = np.concatenate([self._measures(*pair) for pair in pairs])
        own = np.repeat([1, 0], [len(rows), RANDOM_PAIRS * len(rows)])
        model = LogisticRegression(C=10.0).fit(measures, own)
        self._weights = model.coef_[0]
        self._intercept = float(model.intercept_[0]) + np.log(RANDOM_PAIRS)

    def paired(self, prompts: NDArray[np.int64], answers: NDArray[np.int64]) -> Floats:
        """The fit of each prompt with the answer at the same place."""
        fit: Floats = self._measures(prompts, answers) @ self._weights + self._intercept
        return fit

    def all_pairs(self, rows: NDArray[np.int64]) -> Floats:
        """The fit of the prompt of each row (down) with the answer of each row (across)."""
        letters = (self._letters[0][rows] @ self._letters[1][rows].T).toarray()
        latent = self._latent[0][rows] @ self._latent[1][rows].T
        fit: Floats = _root(letters) * self._weights[0] + _root(latent) * self._weights[1] + self._intercept
        return fit

    def _measures(self, prompts: NDArray[np.int64], answers: NDArray[np.int64]) -> Floats:
        letters = np.asarray(self._letters[0][prompts].multiply(self._letters[1][answers]).sum(axis=1)).ravel()
        latent = (self._latent[0][prompts] * self._latent[1][answers]).sum(axis=1)
        return np.stack([_root(letters), _root(latent)], axis=1)


def _root(similarity: Floats) -> Floats:
    root: Floats = np.sqrt(np.maximum(similarity, 0))
    return root


def _terms(prompts: Sequence[str], answers: Sequence[str], **kind: Any) -> tuple[csr_matrix[Any], csr_matrix[Any]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    terms = TfidfVectorizer(sublinear_tf=True, max_features=MOST_TERMS, **kind).fit_transform([*prompts, *answers])
    return terms[: len(prompts)], terms[len(prompts) :]


def _predicted(prompts: csr_matrix[Any], answers: csr_matrix[Any]) -> tuple[Floats, Floats]:
    """The answer that each prompt predicts, learnt from the other folds, and the answers, in a few dimensions."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold
    from sklearn.preprocessing import normalize

    size = min(DIMENSIONS, prompts.shape[0] // 4, prompts.shape[1] - 1)
    questions, answered = (
        normalize(TruncatedSVD(size, n_iter=2, random_state=0).fit_transform(terms)) for terms in (prompts, answers)
    )
    predicted = np.zeros_like(answered)
    for learn, judged in KFold(FOLDS, shuffle=True, random_state=0).split(questions):
        predicted[judged] = Ridge(alpha=1.0).fit(questions[learn], answered[learn]).predict(questions[judged])
    return normalize(predicted), answered
