"""Counts of true against said labels, and the figures that are made of them all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairtrial.domain.run import Run, Score

OFF_LABEL = "(off-label)"


@dataclass(frozen=True, slots=True)
class Confusion:
    """``counts[row][column]``: cases that are ``labels[row]`` and were called ``labels[column]``."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def pairs(scores: Iterable[Score]) -> Counter[tuple[str, str]]:
    """How often each (truth, said) pair occurs in the scores of a label scorer."""
    return Counter((str(score.details["expected"]), str(score.details["label"])) for score in scores)


def confusion(run: Run, scorer: str, labels: Sequence[str]) -> Confusion:
    """The matrix of one label scorer over all scored cases; the off-label bucket is the last label."""
    found = [result.scores.get(scorer) for result in run.results]
    counts = pairs(score for score in found if isinstance(score, Score))
    every = (*labels, OFF_LABEL)
    return Confusion(every, tuple(tuple(counts[truth, said] for said in every) for truth in every))


def macro_f1(scores: Sequence[Score], labels: Sequence[str]) -> float | None:
    """The plain mean of the labels' F1, over the labels that are true or said at least once.

    Equal to scikit-learn's ``f1_score(average="macro", labels=those)``, with off-label answers as one more said label.
    """
    true, said, hits = _margins(scores)
    met = [label for label in labels if true[label] + said[label]]
    if not met:
        return None
    return sum(2 * hits[label] / (true[label] + said[label]) for label in met) / len(met)


def macro_recall(scores: Sequence[Score], labels: Sequence[str]) -> float | None:
    """The plain mean of the labels' recall, over the labels that are true at least once (balanced accuracy)."""
    true, _, hits = _margins(scores)
    met = [label for label in labels if true[label]]
    return sum(hits[label] / true[label] for label in met) / len(met) if met else None


def precision_of(scores: Sequence[Score], positive: Sequence[str]) -> float | None:
    """The share of cases called one of the positive labels that are one of them; ``None`` if none was called so."""
    said = [score for score in scores if score.details["label"] in positive]
    return sum(score.details["expected"] in positive for score in said) / len(said) if said else None


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


def _margins(scores: Sequence[Score]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    true: Counter[str] = Counter()
    said: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for (truth, label), count in pairs(scores).items():
        true[truth] += count
        said[label] += count
        hits[truth] += count if truth == label else 0
    return true, said, hits
