"""Counts of true against said labels, and the figures that are made of them all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtrial.domain.run import Run, Score

OFF_LABEL = "(off-label)"
Pair = tuple[str, str]
"""What is true, and what was said."""
Counts = NDArray[np.intp]
OfCounts = Callable[[Counts], float | None]
OfPairs = Callable[[Sequence[Pair], Sequence[str]], OfCounts]


@dataclass(frozen=True, slots=True)
class Confusion:
    """``counts[row][column]``: cases that are ``labels[row]`` and were called ``labels[column]``."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def pairs(scores: Iterable[Score]) -> Counter[tuple[str, str]]:
    """How often each (truth, said) pair occurs in the scores of a label scorer."""
    return Counter(pair_of(score.details) for score in scores)


def confusion(run: Run, scorer: str, labels: Sequence[str]) -> Confusion:
    """The matrix of one label scorer over all scored cases; the off-label bucket is the last label."""
    found = [result.scores.get(scorer) for result in run.results]
    counts = pairs(score for score in found if isinstance(score, Score))
    every = (*labels, OFF_LABEL)
    return Confusion(every, tuple(tuple(counts[truth, said] for said in every) for truth in every))


def pair_of(details: Mapping[str, Any]) -> tuple[str, str]:
    """What is true and what was said, of a label score's details."""
    return str(details["expected"]), str(details["label"])


def macro_f1(scores: Sequence[Score], labels: Sequence[str]) -> float | None:
    """The plain mean of the labels' F1, over the labels that are true or said at least once.

    Equal to scikit-learn's ``f1_score(average="macro", labels=those)``, with off-label answers as one more said label.
    """
    return _of_scores(macro_f1_of, scores, labels)


def macro_recall(scores: Sequence[Score], labels: Sequence[str]) -> float | None:
    """The plain mean of the labels' recall, over the labels that are true at least once (balanced accuracy)."""
    return _of_scores(macro_recall_of, scores, labels)


def precision_of(scores: Sequence[Score], positive: Sequence[str]) -> float | None:
    """The share of cases called one of the positive labels that are one of them; ``None`` if none was called so."""
    return _of_scores(precision_of_pairs, scores, positive)


def macro_f1_of(kinds: Sequence[Pair], labels: Sequence[str]) -> OfCounts:
    """`macro_f1` as a function of how often each (truth, said) pair occurs."""
    true, said, right = _margins(kinds, labels)

    def figure(counts: Counts) -> float | None:
        met = zip(right(counts), true(counts), said(counts), strict=True)
        shares = [2 * hits / (truths + called) for hits, truths, called in met if truths + called]
        return sum(shares) / len(shares) if shares else None

    return figure


def macro_recall_of(kinds: Sequence[Pair], labels: Sequence[str]) -> OfCounts:
    """`macro_recall` as a function of how often each (truth, said) pair occurs."""
    true, _, right = _margins(kinds, labels)

    def figure(counts: Counts) -> float | None:
        shares = [hits / truths for hits, truths in zip(right(counts), true(counts), strict=True) if truths]
        return sum(shares) / len(shares) if shares else None

    return figure


def precision_of_pairs(kinds: Sequence[Pair], positive: Sequence[str]) -> OfCounts:
    """`precision_of` as a function of how often each (truth, said) pair occurs."""
    said = np.array([label in positive for _, label in kinds], dtype=bool)
    right = np.array([truth in positive and label in positive for truth, label in kinds], dtype=bool)

    def figure(counts: Counts) -> float | None:
        called = int(counts[said].sum())
        return int(counts[right].sum()) / called if called else None

    return figure


def _of_scores(made: OfPairs, scores: Sequence[Score], labels: Sequence[str]) -> float | None:
    counted = pairs(scores)
    return made(list(counted), labels)(np.array(list(counted.values()), dtype=np.intp))


Margin = Callable[[Counts], list[float]]


def _margins(kinds: Sequence[Pair], labels: Sequence[str]) -> tuple[Margin, Margin, Margin]:
    """How often each label is true, is said, and is both, as functions of the counts of pairs."""
    return (
        _margin([truth for truth, _ in kinds], labels),
        _margin([said for _, said in kinds], labels),
        _margin([truth if truth == said else None for truth, said in kinds], labels),
    )


def _margin(of: Sequence[str | None], labels: Sequence[str]) -> Margin:
    places = {label: at for at, label in enumerate(labels)}
    codes = np.array([places.get(one, len(labels)) if one is not None else len(labels) for one in of], dtype=np.intp)

    def margin(counts: Counts) -> list[float]:
        found: list[float] = np.bincount(codes, weights=counts, minlength=len(labels))[: len(labels)].tolist()
        return found

    return margin


def reach_of_recall(details: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> float | None:
    """n times the weight of a case in `macro_recall`: one of the rarest label."""
    true = Counter(str(one["expected"]) for one in details)
    met = [true[label] for label in labels if true[label]]
    return len(details) / (len(met) * min(met)) if met else None


def reach_of_f1(details: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> float | None:
    """n times the weight of a case in `macro_f1`, about: one of the label that is true and said least."""
    either = Counter(str(one[side]) for one in details for side in ("expected", "label"))
    met = [either[label] for label in labels if either[label]]
    return 2 * len(details) / (len(met) * min(met)) if met else None


def reach_of_precision(details: Sequence[Mapping[str, Any]], positive: Sequence[str]) -> float | None:
    """n times the weight of a case in `precision_of`: one of those called positive."""
    said = sum(one["label"] in positive for one in details)
    return len(details) / said if said else None
