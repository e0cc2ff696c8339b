"""Finds training rows with the same prompt, or nearly the same, and different labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue, Severity
from evaluators.training_data.corpus import Corpus, LabelField, copies, label_fields, shown
from evaluators.training_data.labels.words import WordDifference

SHORT = 60
"""Characters up to which a completion is a label; two longer texts can both be right."""


class _Rows:
    """The labels of the rows, and whether a difference of prompts explains a difference of labels."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    @cached_property
    def fields(self) -> list[LabelField]:
        return label_fields(self.corpus)

    @cached_property
    def difference(self) -> WordDifference:
        return WordDifference(self.corpus)

    def labels(self, row: int) -> tuple[tuple[str, str], ...]:
        """What the row teaches, or nothing if its completion is a long text."""
        if self.corpus.labels[row]:
            return tuple(sorted((name, shown(value)) for name, value in self.corpus.labels[row].items()))
        completion = self.corpus.completions[row]
        return (("completion", completion),) if completion and len(completion) <= SHORT else ()

    def differ(self, one: int, other: int) -> bool:
        """Whether two rows with nearly the same prompt have a different label that no word explains."""
        return any(
            field.values[one] != field.values[other]
            and field.values[one] is not None
            and field.values[other] is not None
            and not self.difference.explains(field, one, other)
            for field in self.fields
        )


def _find(corpus: Corpus) -> list[Issue]:
    rows = _Rows(corpus)
    same, answers = _same_prompts(rows)
    near = list(_near_prompts(rows))
    found: tuple[tuple[str, list[Sequence[int]], Severity, str], ...] = (
        ("same", same, "warning", "{rows} with the same prompt as another row and a different label"),
        ("near", near, "warning", "{rows} with nearly the same prompt as another row and a different label"),
        ("answers", answers, "info", "{rows} with the same prompt as another row and a different answer"),
    )
    issues: list[Issue] = _columns(corpus)
    for kind, groups, severity, says in found:
        numbers = [row for group in groups for row in group]
        issues += corpus.issues("contradictions", severity, numbers, says, kind=kind, groups=corpus.places(groups))
    return issues


def _columns(corpus: Corpus) -> list[Issue]:
    """Rows whose label column says something else than the completion."""
    issues: list[Issue] = []
    for field, column in copies(corpus):
        pairs = zip(corpus.train, field.values, column.values, strict=True)
        rows = [row for row, one, other in pairs if one and other and one != other]
        says = f"{{rows}} with another {field.name!r} in the completion than in the column {column.name!r}"
        issues += corpus.issues("contradictions", "warning", rows, says, kind="column", field=field.name)
    return issues


def _same_prompts(rows: _Rows) -> tuple[list[Sequence[int]], list[Sequence[int]]]:
    """Groups of equal prompts whose labels differ, and those whose long completions do."""
    labels: list[Sequence[int]] = []
    answers: list[Sequence[int]] = []
    for group in rows.corpus.similar.same:
        learnt = [row for row in group if row in rows.corpus.train and rows.corpus.examples[row].prompt]
        taught = {rows.labels(row) for row in learnt}
        if len(taught) > 1 and () not in taught:
            labels.append(learnt)
        elif len({rows.corpus.completions[row] for row in learnt}) > 1:
            answers.append(learnt)
    return labels, answers


def _near_prompts(rows: _Rows) -> Iterator[Sequence[int]]:
    members = defaultdict(list)
    for group in rows.corpus.similar.same:
        members[group[0]] = [row for row in group if row in rows.corpus.train]
    for one, other in rows.corpus.similar.near:
        pairs = ((a, b) for a in members.get(one, [one])[:5] for b in members.get(other, [other])[:5])
        for pair in pairs:
            if max(pair) in rows.corpus.train and rows.differ(*pair):
                yield pair
                break


check = Check("rows with the same prompt, or nearly the same, and different labels", _find)
