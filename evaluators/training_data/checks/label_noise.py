"""Finds rows whose label differs from the one that a model of the other rows expects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import MOST_LISTED, Issue
from evaluators.training_data.corpus import Corpus, LabelField
from evaluators.training_data.labels.noise import FOLDS, REPEATS, TextModel, suspects
from evaluators.training_data.labels.text_features import text_features
from evaluators.training_data.labels.words import even_sample

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LEAST_ROWS = 50
"""Rows of a field below which a model learns too little to contradict a label."""
MOST_ROWS = 20_000
"""Rows of a field that are judged, evenly spread."""
LONGEST = 2_000
"""Characters of a prompt that are read."""
SHOWN = 3
"""Rows that the sentence names, the most suspect first."""


def _find(corpus: Corpus) -> list[Issue]:
    fields = corpus.label_fields
    usable = [row for row in corpus.train if fields and corpus.examples[row].prompt]
    rows = [usable[at] for at in even_sample(len(usable), MOST_ROWS)]
    if len(rows) < LEAST_ROWS:
        return []
    features = text_features([corpus.prompts[row][:LONGEST] for row in rows])
    models: dict[tuple[int, ...], TextModel] = {}
    return [issue for field in fields for issue in _issues(corpus, field, rows, features, models)]


def _issues(
    corpus: Corpus,
    field: LabelField,
    sample: Sequence[int],
    features: csr_matrix[Any],
    models: dict[tuple[int, ...], TextModel],
) -> list[Issue]:
    """One issue for each file. The details rank the rows of all files, and group each with its nearest rows."""
    counts = Counter(field.values[row] for row in sample)
    judged = tuple(at for at, row in enumerate(sample) if field.values[row] and counts[field.values[row]] >= FOLDS)
    rows = [sample[at] for at in judged]
    if len(rows) < LEAST_ROWS:
        return []
    if judged not in models:
        models[judged] = TextModel.of(features if len(judged) == len(sample) else features[list(judged)])
    ranked = suspects(models[judged], [str(field.values[row]) for row in rows])
    listed = [
        {"row": corpus.place(rows[of.row]), "given": of.given, "expected": of.expected, "agree": of.agree}
        for of in ranked[:MOST_LISTED]
    ]
    groups = [[rows[of.row], *(rows[near] for near in of.neighbours)] for of in ranked]
    first = "; ".join("{row} {given!r}, expected {expected!r}".format(**row) for row in listed[:SHOWN])
    sampled = f", of {len(rows):,} rows that were judged" if len(corpus.train) > MOST_ROWS else ""
    return corpus.issues(
        "label-noise",
        "suggestion",
        [rows[of.row] for of in ranked],
        f"{{rows}} whose {field.name!r} a model of the other rows contradicts{sampled}; most suspect: {first}",
        kind="label",
        field=field.name,
        repeats=REPEATS,
        ranked=listed,
        groups=corpus.places(groups),
    )


check = Check("labels that a model of the other rows contradicts, the most suspect first", _find)
