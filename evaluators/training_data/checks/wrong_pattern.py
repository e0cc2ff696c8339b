"""Finds one wrong pattern repeated: a slice or phrase whose labels ignore what determines them in the other rows.

Where the words say too little about the label for that, it suggests a slice in which all rows have one label.
"""

from collections.abc import Iterator

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus, LabelField, slice_fields
from evaluators.training_data.labels.departures import Departure, find_departures
from evaluators.training_data.labels.slices import AT_LEAST
from evaluators.training_data.similarity.near_duplicates import grouped

CONSTANT, CHANCE = 0.98, 1e-4
"""The share of a slice's rows with one label from which on it is suggested, and the greatest probability of that."""
FEW = 0.2
"""If slices of one field with one label have more than this share of all rows, that field determines the label."""


def _find(corpus: Corpus) -> list[Issue]:
    fields = corpus.label_fields
    if not fields:
        return []
    slices = slice_fields(corpus)
    departures = find_departures(corpus, fields, slices)
    explained = {(each.says, each.field) for each in departures}
    return [
        *(issue for departure in departures for issue in _issues(corpus, departure)),
        *(issue for field in fields for of in slices for issue in _constant(corpus, field, of, explained)),
    ]


def _constant(corpus: Corpus, field: LabelField, of: LabelField, explained: set[tuple[str, str]]) -> Iterator[Issue]:
    """The slices of one field in which nearly all rows have a label that is rarer elsewhere."""
    both = enumerate(zip(of.values, field.values, strict=True))
    rows_of = grouped((value, row) for row, (value, label) in both if value is not None and label is not None)
    counts, total = field.counts, field.counts.total()
    constant: list[tuple[str, str, list[int], float]] = []
    for value, rows in rows_of.items():
        labels = [str(field.values[row]) for row in rows]
        label = max(set(labels), key=labels.count)
        count = labels.count(label)
        elsewhere = (counts[label] - count) / max(1, total - len(rows))
        if len(rows) >= AT_LEAST and count >= CONSTANT * len(rows) and elsewhere ** len(rows) <= CHANCE:
            constant.append((value, label, rows, elsewhere))
    if sum(len(rows) for _, _, rows, _ in constant) > FEW * total:
        return
    for value, label, rows, elsewhere in constant:
        name = f"{of.name} {value!r}"
        if (name, field.name) not in explained:
            sentence = (
                f"{name}: {field.name!r} is {label!r} in nearly all of {{rows}}, elsewhere in {elsewhere:.0%}; "
                "check whether that is the rule or one wrong pattern"
            )
            yield from corpus.issues("wrong-pattern", "suggestion", rows, sentence, kind="constant", slice=name)


def _issues(corpus: Corpus, departure: Departure) -> list[Issue]:
    words = ", ".join(map(repr, departure.words))
    sentence = (
        f"{departure.says}: {departure.field!r} is {departure.found!r} in {departure.labelled_found:,} of "
        f"{departure.members:,} rows; {departure.wrong} of {departure.evidence} rows whose words mean "
        f"{departure.expected!r} elsewhere ({words}) have another label (elsewhere {departure.error:.0%}); "
        "check {rows}"
    )
    if departure.own_words:
        sentence += "; most of its rows have other words, from which the label may follow"
    details = {
        "slice": departure.says,
        "field": departure.field,
        "expected": departure.expected,
        "found": departure.found,
        "evidence": departure.evidence,
        "wrong": departure.wrong,
        "error_elsewhere": round(departure.error, 4),
        "p": departure.p,
        "words": list(departure.words),
        "members": departure.members,
        "members_with_found_label": departure.labelled_found,
    }
    return corpus.issues(
        "wrong-pattern", "suggestion" if departure.own_words else "error", departure.rows, sentence, **details
    )


check = Check("a slice or phrase whose labels depart from the rest: one wrong pattern, repeated", _find)
