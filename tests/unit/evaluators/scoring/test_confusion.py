"""Figures from counts of labels, and the confusion matrix, where labels are absent on one side or on both."""

from __future__ import annotations

import numpy as np
import pytest

from evaluators.loading.scorers import build_entry
from evaluators.scoring.confusion import OFF_LABEL, confusion, pairs
from evaluators.scoring.scorer import FromCounts, Scorer
from fairtrial.domain.run import Answer, Case, CaseResult, Run, Score
from tests.fixtures.evaluators.metric_pairs import LABELS, labelled
from tests.fixtures.for_each import for_each


def label_scorer() -> Scorer:
    return build_entry({"label": {"of": list(LABELS), "positive": ["high", "normal"]}}, variables={}).scorer


def scores(true: list[str], predicted: list[str]) -> list[Score]:
    scorer = label_scorer()
    return [scorer.score(Case("c", (), truth), Answer(answer)) for answer, truth in zip(predicted, true, strict=True)]


def run_with(measured: list[Score]) -> Run:
    results = [
        CaseResult(Case(f"c{at}", (), ""), 0, Answer("x"), "scored", {score.scorer: score})
        for at, score in enumerate(measured)
    ]
    return Run("r", "s", "d", "base", "b", None, 0, 1, 0, {}, {}, ended_us=0, results=tuple(results))


@for_each("count", [1, 2, 5, 40, 400])
@for_each("seed", range(8))
def test_figures_of_counts_are_those_of_scores(count: int, seed: int) -> None:
    """Resampling computes its figures from counts."""
    measured = scores(*labelled(count, LABELS[: 2 + seed % 3], seed=seed))
    counted = pairs(measured)
    counts = np.array(list(counted.values()), dtype=np.intp)
    for stat in label_scorer().stats:
        if isinstance(stat.parts, FromCounts) and stat.aggregate is not None:
            expected = stat.aggregate(measured)
            assert stat.parts.figure(list(counted))(counts) == (expected and pytest.approx(expected, abs=1e-14))


def test_the_confusion_matrix_is_scikit_learns() -> None:
    from sklearn.metrics import confusion_matrix

    true, predicted = labelled(200)
    every = [*LABELS, OFF_LABEL]
    matrix = confusion(run_with(scores(true, predicted)), "label", LABELS)
    bucketed = [label if label in LABELS else OFF_LABEL for label in predicted]
    assert matrix.labels == tuple(every)
    assert [list(row) for row in matrix.counts] == confusion_matrix(true, bucketed, labels=every).tolist()
    assert confusion(run_with([]), "label", LABELS).counts == ((0,) * 5,) * 5
