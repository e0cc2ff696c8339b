"""Ranks labels that a model of the other rows contradicts: confident learning over repeated cross-validation.

No model sees the rows that it judges. How many labels of a class are wrong is estimated from the rows for which some
class reaches its usual probability; so many rows of the class are suspect, by rank (Northcutt et al., 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Floats = NDArray[np.float64]

FOLDS, REPEATS = 5, 4
AGREE = 2
"""Repeats that must suspect a row. A repeat divides the rows into other folds."""
MOST_LEARNT = 2_000
"""Rows that the models learn from, drawn at random."""
PENALTY = 1.0
BLOCK = 250
"""Rows of the kernel that are computed at a time, which keeps the peak of memory low."""
NEIGHBOURS, MOST_WITH_NEIGHBOURS = 3, 1_000


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row with the given and the expected label, and the repeats that agree. ``neighbours`` are the nearest rows."""

    row: int
    given: str
    expected: str
    agree: int
    neighbours: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TextModel:
    """What the ridge regressions of all label fields of the same rows share.

    ``features``: one line for each row. ``pool``: the rows that the models learn from. ``inverse`` is that of the
    pool's kernel with the penalty. From it follow the models without a fold, without a fit for each.
    """

    features: csr_matrix[Any]
    pool: NDArray[np.int64]
    inverse: Floats

    @classmethod
    def of(cls, features: csr_matrix[Any], *, most_learnt: int = MOST_LEARNT) -> TextModel:
        """Draw the pool and invert its kernel, which is positive definite."""
        from scipy.linalg.lapack import dpotrf, dpotri

        with threadpool_limits(limits=1):
            pool = np.random.default_rng(0).permutation(features.shape[0])[:most_learnt]
            learnt = features[pool].astype(np.float64)
            across = learnt.T.tocsr()
            kernel = np.empty((len(pool), len(pool)))
            for start in range(0, len(pool), BLOCK):
                kernel[start : start + BLOCK] = (learnt[start : start + BLOCK] @ across).toarray()
            kernel[np.diag_indices_from(kernel)] += PENALTY
            # The transpose of the symmetric kernel has the order of Fortran, so that no step copies it.
            factor, _ = dpotrf(kernel.T, overwrite_a=True)
            inverse, _ = dpotri(factor, overwrite_c=True)
            inverse += np.triu(inverse, 1).T
        return cls(features, pool, inverse)


def suspects(model: TextModel, labels: Sequence[str]) -> list[Suspect]:
    """The rows whose label is suspect, the most suspect first."""
    classes, given = np.unique(np.array(labels), return_inverse=True)
    if len(classes) < 2:
        return []
    # The matrices are small, so that more threads would mostly wait for each other.
    with threadpool_limits(limits=1):
        repeats = [shares_of_classes(model, given, seed) for seed in range(REPEATS)]
    agree = np.sum([_flagged(shares, given) for shares in repeats], axis=0)
    margin, expected = _against(np.mean(repeats, axis=0), given)
    rows = np.flatnonzero(agree >= AGREE)
    ranked = rows[np.argsort(margin[rows], kind="stable")]
    near = _neighbours(model.features, ranked[:MOST_WITH_NEIGHBOURS])
    return [
        Suspect(
            int(row), str(classes[given[row]]), str(classes[expected[row]]), int(agree[row]), near.get(int(row), ())
        )
        for row in ranked
    ]


def shares_of_classes(model: TextModel, given: NDArray[np.int64], seed: int) -> Floats:
    """The estimated probability of each class for each row, by ridge regressions on the rows of the other folds.

    Ridge regression needs one small matrix for all classes, and ranks flipped labels as well as a logistic one. The
    weights without a fold come from the inverse of the whole kernel (a Schur complement): zero for the fold's rows.
    """
    columns = np.eye(given.max() + 1)[given]
    shares = np.zeros_like(columns)
    learnt = columns[model.pool]
    weights, of_constant = model.inverse @ learnt, model.inverse.sum(axis=1, keepdims=True)
    terms = model.features[model.pool].T.tocsr()
    folds = folds_of(given, seed)
    for judged in (np.flatnonzero(folds == fold) for fold in range(FOLDS)):
        left_out = np.flatnonzero(np.isin(model.pool, judged))
        usual = np.delete(learnt, left_out, axis=0).mean(axis=0)
        fitted = weights - of_constant * usual
        fitted -= model.inverse[:, left_out] @ np.linalg.solve(
            model.inverse[np.ix_(left_out, left_out)], fitted[left_out]
        )
        shares[judged] = model.features[judged] @ (terms @ fitted) + usual
    return shares


def folds_of(given: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The fold of each row, with all classes in all folds, as scikit-learn's `StratifiedKFold` draws it.

    Importing it takes more memory than the whole check.
    """
    draw = np.random.RandomState(seed)
    _, first, counts = np.unique(given, return_index=True, return_counts=True)
    by_appearance = np.argsort(first)
    ordered = np.repeat(by_appearance, counts[by_appearance])
    folds = np.empty(len(given), dtype=np.int64)
    for label in by_appearance:
        drawn = np.repeat(np.arange(FOLDS), [np.count_nonzero(ordered[fold::FOLDS] == label) for fold in range(FOLDS)])
        draw.shuffle(drawn)
        folds[given == label] = drawn
    return folds


def _flagged(shares: Floats, given: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The rows of each class that its estimated noise comprises, those that fit their label least.

    The noise of a class is estimated from its confident rows: some class reaches the probability that it usually has.
    """
    margin, _ = _against(shares, given)
    usual = np.array([shares[given == at, at].mean() for at in range(shares.shape[1])])
    reached = np.where(shares >= usual, shares, -1)
    confident, likeliest = reached.max(axis=1) >= 0, reached.argmax(axis=1)
    flags = np.zeros(len(given), dtype=bool)
    for at in range(shares.shape[1]):
        rows = np.flatnonzero(given == at)
        sure = rows[confident[rows]]
        noise = (likeliest[sure] != at).mean() if len(sure) else 0.0
        ranked = rows[np.argsort(margin[rows], kind="stable")]
        flags[ranked[: round(noise * len(rows))]] = True
    return flags & (margin < 0)


def _against(shares: Floats, given: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    """How much likelier the given class is than the best other one, and which that is."""
    rows = np.arange(len(given))
    others = shares.copy()
    others[rows, given] = -1
    expected = others.argmax(axis=1)
    return shares[rows, given] - others[rows, expected], expected


def _neighbours(features: csr_matrix[Any], rows: NDArray[np.int64]) -> dict[int, tuple[int, ...]]:
    """The rows with the most similar texts."""
    near = {}
    for row in rows:
        similarity = (features @ features[row].T).toarray().ravel()
        similarity[row] = -1
        near[int(row)] = tuple(int(other) for other in np.argsort(-similarity, kind="stable")[:NEIGHBOURS])
    return near
