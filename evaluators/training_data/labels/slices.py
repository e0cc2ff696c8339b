"""Lists slices that may share a wrong pattern, and tests whether their labels ignore what determines them elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evaluators.training_data.corpus import Corpus, LabelField
from evaluators.training_data.labels.words import LabelledWords, slice_lifts
from fairtrial.domain.estimates import Estimate
from fairtrial.stats.intervals import wilson

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from evaluators.training_data.labels.words import Counts


AT_LEAST, AT_LEAST_SHARE, AT_MOST_SHARE = 15, 0.005, 0.5
"""A slice has at least 15 rows and 0.5 %, and at most half of all rows."""
MOST_PHRASES, MOST_PAIRS = 500, 200
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
class Slice:
    """Rows with some field values, or with a phrase in the prompt. ``member`` marks them among the examined rows."""

    values: tuple[tuple[LabelField, str], ...]
    phrase: str
    member: NDArray[np.bool_]

    def __str__(self) -> str:
        return " and ".join(f"{field.name} {value!r}" for field, value in self.values) or f"the phrase {self.phrase!r}"

    def has_field(self, field: LabelField) -> bool:
        """Whether the slice is defined by this field."""
        return any(label_field is field for label_field, _ in self.values)

    def in_all_rows(self, corpus: Corpus) -> NDArray[np.bool_]:
        """Which of all training rows are in the slice."""
        if self.values:
            rows = zip(*(field.values for field, _ in self.values), strict=True)
            values = tuple(value for _, value in self.values)
            return np.array([row == values for row in rows], dtype=bool)
        phrase = f" {self.phrase} "
        return np.array([phrase in f" {corpus.prompts[row]} " for row in corpus.train], dtype=bool)


def slices(
    fields: Sequence[LabelField], sample: NDArray[np.int64], words: Sequence[str], has: csr_matrix[Any]
) -> list[Slice]:
    """The slices of a size that a test can use among the rows of the sample; the simplest ones come first.

    ``has`` is the matrix of the words of these rows.
    """
    single = list(_values(fields, sample))
    pairs = sorted(_pairs(single), key=lambda pair: -int(pair.member.sum()))[:MOST_PAIRS]
    return [*single, *pairs, *_phrases(words, has)]


def _values(fields: Sequence[LabelField], sample: NDArray[np.int64]) -> Iterator[Slice]:
    for field in fields:
        values = np.array(field.values, dtype=object)[sample]
        for value in field.counts:
            member = values == value
            if _fits(member):
                yield Slice(((field, value),), "", member)


def _pairs(single: Sequence[Slice]) -> Iterator[Slice]:
    for first, second in combinations(single, 2):
        if not second.has_field(first.values[0][0]):
            member = first.member & second.member
            if _fits(member):
                yield Slice((*first.values, *second.values), "", member)


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
    coverage: float
    """How often rows inside have strong evidence for any class, as a multiple of the share of such rows outside."""
    contradicted: float
    """The share of those rows inside whose evidence is for another class than their label."""


def slice_tests(
    data: LabelledWords, counts: Counts, candidate: Slice, *, typical: float = TYPICAL
) -> Iterator[SliceTest]:
    """The tests of a slice: one for each class that the words of enough of its rows mean.

    ``typical`` is the quantile of the evidence outside that a row's evidence must reach.
    """
    inside = candidate.member[data.rows]
    if not LEAST_ROWS <= int(inside.sum()) < len(inside):
        return
    part = data.part(inside)
    lifts = slice_lifts(counts, part.counts())
    means, strength = _meaning(part.has @ lifts)
    for expected in np.unique(means[strength >= STRONG]):
        clear = (means == expected) & (strength >= STRONG)
        if clear.sum() >= LEAST_ROWS and (part.label[clear] != expected).mean() >= MOST_WRONG / 2:
            test = _test(data, candidate, lifts, (int(expected), typical), (part, means, strength))
            yield from [] if test is None else [test]


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
    candidate: Slice,
    lifts: NDArray[np.float64],
    of: tuple[int, float],
    inside: tuple[LabelledWords, NDArray[np.int64], NDArray[np.float64]],
) -> SliceTest | None:
    """Tests at the evidence that is typical outside, against the error rate outside."""
    expected, quantile = of
    rest = data.part(~candidate.member[data.rows])
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
    strong = strength_inside >= STRONG
    coverage = float(strong.mean() / (strength >= STRONG).mean())
    contradicted = float((means_inside != part.label)[strong].mean())
    return SliceTest(
        candidate, data.classes[expected], evidence, wrong, errors / rows, p, words, coverage, contradicted
    )


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
