"""Computes the confusion matrix and the classification figures of label scores."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtrial.domain.run import Run, Score

OFF_LABEL = "(off-label)"
Pair = tuple[str, str]
"""The true label and the label of the answer."""
Counts = NDArray[np.intp]
OfCounts = Callable[[Counts], float | None]
OfPairs = Callable[[Sequence[Pair], Sequence[str]], OfCounts]


@dataclass(frozen=True, slots=True)
class Confusion:
    """``counts[row][column]``: how many cases with the true label ``labels[row]`` were labelled ``labels[column]``."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def pairs(scores: Iterable[Score]) -> Counter[Pair]:
    """Count each pair of true and given label in the scores of a label scorer."""
    return Counter(pair_of(score.details) for score in scores)


def pair_of(details: Mapping[str, Any]) -> Pair:
    """The true label and the label of the answer, of a label score's details."""
    return str(details["expected"]), str(details["label"])


def confusion(run: Run, scorer: str, labels: Sequence[str]) -> Confusion:
    """The confusion matrix of one label scorer over all scored cases; off-label answers are the last label."""
    scores = [result.scores.get(scorer) for result in run.results]
    counted = pairs(score for score in scores if isinstance(score, Score))
    every = (*labels, OFF_LABEL)
    if not counted:
        return Confusion(every, tuple((0,) * len(every) for _ in every))
    from sklearn.metrics import confusion_matrix

    true, given, weights = _columns(counted)
    matrix = confusion_matrix(true, given, labels=every, sample_weight=weights)
    return Confusion(every, tuple(tuple(row) for row in matrix.tolist()))


def macro_f1(scores: Sequence[Score], labels: Sequence[str]) -> float | None:
    """The mean of the labels' F1 over the labels that occur as true or given labels."""
    true, given, weights = _columns(pairs(scores))
    present = [label for label in labels if label in true or label in given]
    if not present:
        return None
    from sklearn.metrics import f1_score

    return float(f1_score(true, given, labels=present, average="macro", sample_weight=weights))


def macro_recall(scores: Sequence[Score], labels: Sequence[str]) -> float | None:
    """The mean of the labels' recall over the labels that occur as true labels (balanced accuracy)."""
    true, given, weights = _columns(pairs(scores))
    present = [label for label in labels if label in true]
    if not present:
        return None
    from sklearn.metrics import recall_score

    return float(recall_score(true, given, labels=present, average="macro", sample_weight=weights))


def precision_of(scores: Sequence[Score], positive: Sequence[str]) -> float | None:
    """The share of cases given a positive label that truly have one; ``None`` if no case was given one."""
    true, given, weights = _columns(pairs(scores))
    if not any(label in positive for label in given):
        return None
    from sklearn.metrics import precision_score

    is_true, is_given = ([label in positive for label in side] for side in (true, given))
    return float(precision_score(is_true, is_given, sample_weight=weights))


def _columns(counted: Counter[Pair]) -> tuple[list[str], list[str], list[int]]:
    """True labels, given labels, and how often each of these pairs occurs."""
    return [true for true, _ in counted], [given for _, given in counted], list(counted.values())


# The figures of a run come from scikit-learn, which is imported late because that takes 1 s of CPU time and 140 MB.
# Resampling needs a figure about a thousand times, and a call of scikit-learn takes 1.9 ms. The functions of counts
# take 0.004 ms, so resampling uses these, and tests compare them with scikit-learn.


def macro_f1_of(kinds: Sequence[Pair], labels: Sequence[str]) -> OfCounts:
    """`macro_f1` as a function of how often each pair occurs."""
    true, predicted, right = _margins(kinds, labels)

    def figure(counts: Counts) -> float | None:
        met = zip(right(counts), true(counts), predicted(counts), strict=True)
        shares = [2 * hits / (truths + called) for hits, truths, called in met if truths + called]
        return _mean(shares)

    return figure


def macro_recall_of(kinds: Sequence[Pair], labels: Sequence[str]) -> OfCounts:
    """`macro_recall` as a function of how often each pair occurs."""
    true, _, right = _margins(kinds, labels)

    def figure(counts: Counts) -> float | None:
        shares = [hits / truths for hits, truths in zip(right(counts), true(counts), strict=True) if truths]
        return _mean(shares)

    return figure


def precision_of_pairs(kinds: Sequence[Pair], positive: Sequence[str]) -> OfCounts:
    """`precision_of` as a function of how often each pair occurs."""
    predicted = np.array([label in positive for _, label in kinds], dtype=bool)
    right = np.array([truth in positive and label in positive for truth, label in kinds], dtype=bool)

    def figure(counts: Counts) -> float | None:
        called = int(counts[predicted].sum())
        return int(counts[right].sum()) / called if called else None

    return figure


Margin = Callable[[Counts], list[float]]


def _margins(kinds: Sequence[Pair], labels: Sequence[str]) -> tuple[Margin, Margin, Margin]:
    """How often each label is true, is given, and is both, as functions of the counts of pairs."""
    return (
        _margin([truth for truth, _ in kinds], labels),
        _margin([label for _, label in kinds], labels),
        _margin([truth if truth == label else None for truth, label in kinds], labels),
    )


def _margin(of: Sequence[str | None], labels: Sequence[str]) -> Margin:
    places = {label: at for at, label in enumerate(labels)}
    codes = np.array(
        [places.get(label, len(labels)) if label is not None else len(labels) for label in of], dtype=np.intp
    )

    def margin(counts: Counts) -> list[float]:
        sums: list[float] = np.bincount(codes, weights=counts, minlength=len(labels))[: len(labels)].tolist()
        return sums

    return margin


def reach_of_recall(details: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> float | None:
    """n times the largest weight of a case in `macro_recall`, which is that of the rarest label."""
    true = Counter(str(detail["expected"]) for detail in details)
    met = [true[label] for label in labels if true[label]]
    return len(details) / (len(met) * min(met)) if met else None


def reach_of_f1(details: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> float | None:
    """About n times the largest weight of a case in `macro_f1`, which is that of the rarest label, true or given."""
    either = Counter(str(detail[side]) for detail in details for side in ("expected", "label"))
    met = [either[label] for label in labels if either[label]]
    return 2 * len(details) / (len(met) * min(met)) if met else None


def reach_of_precision(details: Sequence[Mapping[str, Any]], positive: Sequence[str]) -> float | None:
    """n times the weight of a case in `precision_of`, which cases with a positive given label have."""
    predicted = sum(detail["label"] in positive for detail in details)
    return len(details) / predicted if predicted else None


def _mean(shares: Sequence[float]) -> float | None:
    """Rounded as scikit-learn's on each version of Python, whose `sum` corrects rounding from 3.12 on."""
    return reduce(add, shares) / len(shares) if shares else None
