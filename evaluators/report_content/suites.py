"""Makes the part of a report about one suite: its matrix, and its cases joined to one row per case and repeat."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from msgspec.structs import replace

from evaluators.comparison.matrix import matrix_of
from evaluators.criteria.metric_catalogue import BUILT_IN, Measure
from evaluators.report_content.content import CaseAnswer, CaseRow, SuiteReport, Text, Texts
from evaluators.results.run_table import RunTable
from fairtrial.api.comparison_answers import MatrixChanges, RunMatrix
from fairtrial.api.run_answers import AnyAnswer, CasePair, CaseQuestion, GradedCase
from fairtrial.domain.answers.chat import messages_of, reference_of
from fairtrial.domain.answers.signals import departs
from fairtrial.domain.run import CASE_OUTCOMES, RunHead, head_of
from fairtrial.domain.wording import Change

MOST_SLICES = 40
"""A tag with more values than this is an id rather than a slice."""
SHORT_ID = 8
"""The characters of a run's id that are shown, or more if runs share them."""
MOST_ERRORS = 8
"""How many different errors a report names."""

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRuns:
    """The runs of one suite, the baseline first, and what is known about the suite.

    ``again`` is a second run of the baseline. ``tags`` are those whose slices are compared; ``None`` stands for all
    tags with few values. ``notes``: what could not be read.
    """

    measures: Sequence[Measure]
    baseline: RunTable
    candidates: Sequence[RunTable] = ()
    again: RunTable | None = None
    tags: Sequence[str] | None = None
    notes: tuple[str, ...] = ()

    @property
    def tables(self) -> tuple[RunTable, ...]:
        """The runs in the order of the columns."""
        return (self.baseline, *self.candidates)


def compared(runs: SuiteRuns) -> RunMatrix:
    """The matrix of the runs; slices are compared by the suite's scores alone. Raises `UsageError`."""
    whole = matrix_of(runs.measures, runs.baseline, runs.candidates, again=runs.again)
    scored = [measure for measure in runs.measures if measure.scorer is not None]
    sliced = matrix_of(scored, runs.baseline, runs.candidates, by=_tags(runs))
    return _named(replace(whole, rows=whole.rows + tuple(row for row in sliced.rows if row.scope)))


def grading_metric(matrix: RunMatrix) -> str | None:
    """The metric that grades the cases: the one by which the matrix names those that changed most."""
    if matrix.changes:
        return next((change.metric for change in matrix.changes if change.metric), None)
    return next((row.metric for row in matrix.rows if row.metric not in BUILT_IN), None)


def suite_report(
    runs: SuiteRuns, matrix: RunMatrix, rows: Sequence[Sequence[CasePair]] | Sequence[GradedCase], texts: Texts
) -> SuiteReport:
    """The part of the report. ``rows`` are the cases of `runs.pairs` for each candidate, or `runs.cases` of one run."""
    cases = (
        side_by_side(cast(Sequence[Sequence[CasePair]], rows), texts)
        if runs.candidates
        else alone(cast(Sequence[GradedCase], rows), texts)
    )
    known = [*runs.tables, *([] if runs.again is None else [runs.again])]
    return SuiteReport(
        matrix=_labelled(matrix, texts),
        metric=grading_metric(matrix),
        outcomes=_outcomes(runs.tables),
        errors={} if texts.policy == "none" else _errors(cases, len(runs.tables)),
        cases=cases,
        runs=tuple(RunHead(**head_of(run)) for run in known),
        notes=runs.notes,
    )


def _named(matrix: RunMatrix) -> RunMatrix:
    """The matrix with the beginning of its id behind the target of each run that shares it with another one."""
    targets = [column.target for column in matrix.columns]
    ids = [column.run_id for column in matrix.columns]
    size = next(size for size in range(SHORT_ID, 400) if len({run_id[:size] for run_id in ids}) == len(set(ids)))
    names = [
        f"{target} ({run_id[:size]})" if targets.count(target) > 1 else target
        for target, run_id in zip(targets, ids, strict=True)
    ]
    columns = tuple(replace(column, target=name) for column, name in zip(matrix.columns, names, strict=True))
    changes = tuple(replace(change, target=name) for change, name in zip(matrix.changes, names[1:], strict=True))
    return replace(matrix, columns=columns, changes=changes)


def _tags(runs: SuiteRuns) -> list[str]:
    if runs.tags is not None:
        return list(runs.tags)
    return [tag for tag in runs.baseline.tags if 1 < len(runs.baseline.slices(tag)) <= MOST_SLICES]


def _outcomes(tables: Sequence[RunTable]) -> dict[Any, tuple[int, ...]]:
    """The number of answers of each run with each outcome that occurs."""
    counts = [np.bincount(table.outcomes, minlength=len(CASE_OUTCOMES)).tolist() for table in tables]
    by_outcome = zip(CASE_OUTCOMES, zip(*counts, strict=True), strict=True)
    return {outcome: each for outcome, each in by_outcome if any(each)}


def _errors(cases: Iterable[CaseRow], columns: int) -> dict[str, tuple[int, ...]]:
    """The most frequent errors with their number in each column."""
    errors: dict[str, list[int]] = {}
    for case in cases:
        for column, answer in enumerate(case.answers):
            if answer is not None and answer.outcome == "provider_error":
                errors.setdefault(answer.text.words, [0] * columns)[column] += 1
    most = Counter({error: sum(each) for error, each in errors.items()}).most_common(MOST_ERRORS)
    return {error: tuple(errors[error]) for error, _ in most}


def _labelled(matrix: RunMatrix, texts: Texts) -> RunMatrix:
    """The matrix with masked names from the data: slices, and the ids of cases."""
    rows = tuple(replace(row, scope=texts.label(row.scope)) if row.scope else row for row in matrix.rows)
    return replace(matrix, rows=rows, changes=tuple(_change(change, texts) for change in matrix.changes))


def _change(change: MatrixChanges, texts: Texts) -> MatrixChanges:
    worst, best = (
        tuple(replace(case, case_id=texts.case_id(case.case_id)) for case in cases)
        for cases in (change.worst, change.best)
    )
    return replace(change, worst=worst, best=best)


def side_by_side(pairs: Sequence[Sequence[CasePair]], texts: Texts) -> tuple[CaseRow, ...]:
    """The cases of several candidates; ``pairs`` has, for each of them, its cases paired with the baseline's."""
    by_key = [{(row.case_id, row.repeat): row for row in rows} for rows in pairs]
    keys: dict[Key, CasePair] = {}
    for rows in by_key:
        for key, row in rows.items():
            keys.setdefault(key, row)
    return tuple(_joined(row, [rows.get(key) for rows in by_key], texts) for key, row in keys.items())


def alone(rows: Sequence[GradedCase], texts: Texts) -> tuple[CaseRow, ...]:
    """The cases of one run."""
    return tuple(
        CaseRow(
            **_question(row, texts, deleted=row.texts_deleted),
            answers=(_case_answer(row, texts),),
            grade=row.grade,
        )
        for row in rows
    )


def _joined(first: CasePair, rows: Sequence[CasePair | None], texts: Texts) -> CaseRow:
    baseline = _case_answer(first.baseline, texts)
    others = tuple(None if row is None else _case_answer(row.candidate, texts, row.change) for row in rows)
    deleted = bool(first.candidate.texts_deleted)
    return CaseRow(**_question(first, texts, deleted=deleted), answers=(baseline, *others))


def _question(row: CaseQuestion, texts: Texts, *, deleted: bool) -> dict[str, Any]:
    return {
        "case_id": texts.case_id(row.case_id),
        "repeat": int(row.repeat),
        "tags": tuple((texts.label(tag), texts.label(value)) for tag, value in (row.tags or {}).items()),
        "texts": tuple(_texts(row.asked, row.expected, texts, deleted=deleted)),
    }


def _texts(prompt: str | None, expected: str | None, texts: Texts, *, deleted: bool) -> Iterator[tuple[str, Text]]:
    if prompt is None:
        yield "prompt", texts.shown(None, deleted=deleted)
    else:
        yield from ((texts.label(role), texts.shown(text)) for role, text in messages_of(prompt))
    if expected is not None:
        yield "expected", texts.shown(reference_of(expected))


def _case_answer(row: AnyAnswer, texts: Texts, change: Change | None = None) -> CaseAnswer:
    known = row.error if row.error is not None else row.output or row.refusal or ""
    text = texts.shown(known, deleted=bool(row.texts_deleted))
    scores = tuple((score.metric, score.value) for score in row.scores if departs(score.metric, score.value))
    return CaseAnswer(row.outcome, text, scores, change)
