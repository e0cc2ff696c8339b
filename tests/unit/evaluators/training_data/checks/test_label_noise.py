"""Labels that were flipped at random are ranked above the others, with what is known about each."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import StratifiedKFold

from evaluators.training_data.checks import label_noise
from evaluators.training_data.labels.noise import FOLDS, PENALTY, REPEATS, TextModel, folds_of, shares_of_classes
from tests.fixtures.training_data.finding import find, only
from tests.fixtures.training_data.reports import PROBLEMS, Row, labels_of, sound_rows, with_text

OTHERS = {label: [other for other in PROBLEMS if other != label] for label in PROBLEMS}


def flipped(count: int, flips: int) -> tuple[list[Row], set[int]]:
    """Rows with the label category alone, and the lines of those whose label is wrong."""
    draw = random.Random(5)
    labels = [(row, labels_of(row)["category"]) for row in sound_rows(count, seed=11)]
    at = set(draw.sample(range(count), flips))
    rows = [
        with_text(row, -1, json.dumps({"category": draw.choice(OTHERS[label]) if number in at else label}))
        for number, (row, label) in enumerate(labels)
    ]
    return rows, {number + 1 for number in at}


def test_flipped_labels_are_ranked_with_what_is_expected_and_their_neighbours(tmp_path: Path) -> None:
    rows, planted = flipped(400, 20)
    issue = only(find("label-noise", rows, tmp_path))
    first = issue.details["ranked"][0]
    lines = [int(one["row"].rpartition(":")[2]) for one in issue.details["ranked"]]
    assert len(planted & set(issue.rows)) >= 16 and len(set(issue.rows) - planted) <= 4
    assert len(planted & set(lines[:20])) >= 16 and sorted(lines) == list(issue.rows)
    assert first["given"] != first["expected"] and first["agree"] == REPEATS == issue.details["repeats"]
    assert [group[0] for group in issue.details["groups"]] == [one["row"] for one in issue.details["ranked"]]
    assert all(len(group) == 4 for group in issue.details["groups"])
    assert issue.severity == "suggestion" and f"most suspect: {first['row']} {first['given']!r}" in issue.says


@pytest.mark.parametrize("pool", [60, 200])
def test_the_models_without_a_fold_are_those_that_a_fit_to_the_other_folds_gives(pool: int) -> None:
    draw = np.random.default_rng(3)
    features, given = csr_matrix(draw.random((90, 30)) * (draw.random((90, 30)) < 0.3)), draw.integers(0, 3, 90)
    model = TextModel.of(features, most_learnt=pool)
    columns = np.eye(3)[given]
    fitted = np.zeros_like(columns)
    for _, judged in StratifiedKFold(FOLDS, shuffle=True, random_state=1).split(given, given):
        learn = np.setdiff1d(model.pool, judged)
        usual = columns[learn].mean(axis=0)
        ridge = KernelRidge(alpha=PENALTY).fit(features[learn], columns[learn] - usual)
        fitted[judged] = ridge.predict(features[judged]) + usual
    np.testing.assert_allclose(shares_of_classes(model, given, seed=1), fitted, atol=1e-12)


@pytest.mark.parametrize("classes", [2, 7])
def test_the_folds_are_those_of_the_library(classes: int) -> None:
    given = np.random.default_rng(classes).integers(0, classes, 203)
    folds = folds_of(given, seed=3)
    expected = StratifiedKFold(FOLDS, shuffle=True, random_state=3).split(given, given)
    assert [np.flatnonzero(folds == at).tolist() for at in range(FOLDS)] == [rows.tolist() for _, rows in expected]


def test_the_sentence_has_the_number_of_judged_rows_where_not_all_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, _ = flipped(160, 16)
    monkeypatch.setattr(label_noise, "MOST_ROWS", 120)
    assert "of 120 rows that were judged" in find("label-noise", rows, tmp_path)[0].says


def test_free_answers_have_no_suspect_labels(tmp_path: Path) -> None:
    rows = [{"prompt": f"What is {at}?", "completion": f"It is number {at}."} for at in range(100)]
    assert find("label-noise", rows, tmp_path) == []
