"""Finds one wrong pattern repeated: a slice or phrase whose labels ignore what determines them in the other rows."""

from __future__ import annotations

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus, label_fields, slice_fields
from evaluators.training_data.labels.departures import Departure, find_departures


def _find(corpus: Corpus) -> list[Issue]:
    fields = label_fields(corpus)
    if not fields:
        return []
    found = find_departures(corpus, fields, slice_fields(corpus))
    return [issue for one in found for issue in _issues(corpus, one)]


def _issues(corpus: Corpus, one: Departure) -> list[Issue]:
    words = ", ".join(map(repr, one.words))
    says = (
        f"{one.says}: {one.field!r} is {one.found!r} in {one.labelled_found:,} of {one.members:,} rows; "
        f"{one.wrong} of {one.evidence} rows whose words mean {one.expected!r} elsewhere ({words}) have another label "
        f"(elsewhere {one.error:.0%}); check {{rows}}"
    )
    if one.own_words:
        says += "; most of its rows have other words, from which the label may follow"
    details = {
        "slice": one.says,
        "field": one.field,
        "expected": one.expected,
        "found": one.found,
        "evidence": one.evidence,
        "wrong": one.wrong,
        "error_elsewhere": round(one.error, 4),
        "p": one.p,
        "words": list(one.words),
        "members": one.members,
        "members_with_found_label": one.labelled_found,
    }
    return corpus.issues("wrong-pattern", "suggestion" if one.own_words else "error", one.rows, says, **details)


check = Check("a slice or phrase whose labels depart from the rest: one wrong pattern, repeated", _find)
