"""Finds rows whose label differs from the one that a model of the other rows expects."""

from __future__ import annotations

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import MOST_LISTED, Issue
from evaluators.training_data.corpus import Corpus, LabelField, label_fields
from evaluators.training_data.labels.noise import FOLDS, REPEATS, suspects
from evaluators.training_data.labels.words import even_sample

LEAST_ROWS = 50
"""Rows of a field below which a model learns too little to contradict a label."""
MOST_ROWS = 20_000
"""Rows of a field that are judged, evenly spread."""
SHOWN = 3
"""Rows that the sentence names, the most suspect first."""


def _find(corpus: Corpus) -> list[Issue]:
    return [issue for field in label_fields(corpus) for issue in _issues(corpus, field)]


def _issues(corpus: Corpus, field: LabelField) -> list[Issue]:
    """One issue for each file. The details rank the rows of all files, and group each with its nearest rows."""
    counts = field.counts
    usable = [row for row in corpus.train if counts[field.values[row] or ""] >= FOLDS and corpus.examples[row].prompt]
    rows = [usable[at] for at in even_sample(len(usable), MOST_ROWS)]
    if len(rows) < LEAST_ROWS:
        return []
    ranked = suspects([corpus.prompts[row] for row in rows], [str(field.values[row]) for row in rows])
    listed = [
        {"row": corpus.place(rows[one.row]), "given": one.given, "expected": one.expected, "agree": one.agree}
        for one in ranked[:MOST_LISTED]
    ]
    groups = [[rows[one.row], *(rows[near] for near in one.neighbours)] for one in ranked]
    first = "; ".join("{row} {given!r}, expected {expected!r}".format(**one) for one in listed[:SHOWN])
    judged = "" if len(rows) == len(usable) else f", of {len(rows):,} rows that were judged"
    return corpus.issues(
        "label-noise",
        "suggestion",
        [rows[one.row] for one in ranked],
        f"{{rows}} whose {field.name!r} a model of the other rows contradicts{judged}; most suspect: {first}",
        kind="label",
        field=field.name,
        repeats=REPEATS,
        ranked=listed,
        groups=corpus.places(groups),
    )


check = Check("labels that a model of the other rows contradicts, the most suspect first", _find)
