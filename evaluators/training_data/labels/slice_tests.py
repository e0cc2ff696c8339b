"""Tests whether the labels of one slice ignore the words that determine the label outside of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluators.training_data.labels.evidence import LabelledWords, slice_lifts
from evaluators.training_data.labels.slices import Slice
from fairtrial.domain.estimates import Estimate
from fairtrial.stats.intervals import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluators.training_data.labels.evidence import Counts

STRONG = 3.0
"""The least sum of log lifts that counts as strong evidence: 20 times as frequent in the class as elsewhere."""
TYPICAL = 0.25
"""It must also reach this quantile of the evidence of correctly labelled rows outside the slice."""
AMBIGUOUS = 0.25
"""A row is ambiguous if another class has more than this share of the evidence."""
LEAST_ROWS = 8
"""Rows with evidence that a test needs inside a slice."""
MOST_WRONG = 0.7
"""The share of them that must have another label."""
LEAST_ERROR = 0.15
"""The error rate that a test assumes at least, because slices of sound data differ."""
MOST_WORDS = 12
"""Words that a test names."""


@dataclass(frozen=True, slots=True)
class SliceTest:
    """One test: a slice, the class that the words mean, and the counts."""

    of: Slice
    expected: str
    evidence: int
    wrong: int
    error: float
    p: float
    words: tuple[int, ...]


def slice_tests(data: LabelledWords, counts: Counts, one: Slice, *, typical: float = TYPICAL) -> Iterator[SliceTest]:
    """The tests of a slice: one for each class that the words of enough of its rows mean.

    ``typical`` is the quantile of the evidence outside that a row's evidence must reach.
    """
    inside = one.member[data.rows]
    if not LEAST_ROWS <= int(inside.sum()) < len(inside):
        return
    part = data.part(inside)
    lifts = slice_lifts(counts, part.counts())
    means, strength = _meaning(part.has @ lifts)
    for expected in np.unique(means[strength >= STRONG]):
        clear = (means == expected) & (strength >= STRONG)
        if clear.sum() >= LEAST_ROWS and (part.label[clear] != expected).mean() >= MOST_WRONG / 2:
            found = _test(data, one, lifts, (int(expected), typical), (part, means, strength))
            yield from [] if found is None else [found]


def _meaning(evidence: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The class that each row's words mean, and how strongly; 0 if another class has much of the evidence."""
    means = evidence.argmax(axis=1)
    rows = np.arange(len(evidence))
    strength = evidence[rows, means]
    if evidence.shape[1] > 1:
        rest = evidence.copy()
        rest[rows, means] = -np.inf
        strength = np.where(rest.max(axis=1) <= np.maximum(1.0, AMBIGUOUS * strength), strength, 0.0)
    return means, strength


def _test(
    data: LabelledWords,
    one: Slice,
    lifts: NDArray[np.float64],
    of: tuple[int, float],
    inside: tuple[LabelledWords, NDArray[np.int64], NDArray[np.float64]],
) -> SliceTest | None:
    """Tests at the evidence that is typical outside, against the error rate outside."""
    expected, quantile = of
    rest = data.part(~one.member[data.rows])
    means, strength = _meaning(rest.has @ lifts)
    right = (means == expected) & (strength >= STRONG) & (rest.label == expected)
    if right.sum() < LEAST_ROWS:
        return None
    typical = max(STRONG, float(np.quantile(strength[right], quantile)))
    seen = (means == expected) & (strength >= typical)
    part, means_inside, strength_inside = inside
    clear = (means_inside == expected) & (strength_inside >= typical)
    evidence, wrong = int(clear.sum()), int((part.label[clear] != expected).sum())
    if evidence < LEAST_ROWS:
        return None
    errors, rows = int((rest.label[seen] != expected).sum()), int(seen.sum())
    p = _chance(wrong, evidence, errors, rows) if wrong >= MOST_WRONG * evidence else 1.0
    words = tuple(int(data.columns_of[at]) for at in _telling(part, clear, lifts[:, expected]))
    return SliceTest(one, data.classes[expected], evidence, wrong, errors / rows, p, words)


def _chance(wrong: int, evidence: int, errors: int, rows: int) -> float:
    """The probability of so many other labels at the upper bound of the error rate outside."""
    from scipy.special import bdtrc

    outside = wilson(errors, rows)
    rate = max(LEAST_ERROR, outside.high) if isinstance(outside, Estimate) else 1.0
    return float(bdtrc(wrong - 1, evidence, rate))


def _telling(data: LabelledWords, clear: NDArray[np.bool_], lifts: NDArray[np.float64]) -> tuple[int, ...]:
    """The words that say most about the class in these rows."""
    weight = np.asarray(data.has[clear].sum(axis=0)).ravel() * lifts
    return tuple(int(at) for at in np.argsort(-weight, kind="stable")[:MOST_WORDS] if weight[at] > 0)
