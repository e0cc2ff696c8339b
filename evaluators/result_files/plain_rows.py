"""Reads results that are rows of a table, one for each case, by the usual names of their columns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluators.criteria.metric_catalogue import LESS_IS_BETTER
from evaluators.imports.sources.table import INPUTS
from evaluators.loading.rows import FileRow
from evaluators.loading.template import as_text
from evaluators.result_files.result import FileResult, number_of, reference_of, refuse, scores_of
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.errors import UsageError, nearest
from fairtrial.domain.run import MANY

IDS = (
    *("id", "qid", "qa_id", "case_id", "question_id", "example_id", "sample_id", "test_id", "item_id", "doc_id"),
    *("uid", "uuid", "key"),
)
ANSWERS = ("response", "output", "completion", "prediction", "generated", "generation", "model_output", "answer")
REFERENCES = ("expected", "reference", "ideal", "target", "gold", "ground_truth", "expected_output", "label")
ERRORS = ("error", "exception", "error_message")
TAGS = ("slice", "category", "subject", "topic", "language", "kind", "group", "difficulty")
CLUSTERS = ("cluster", "conversation_id", "document_id")
ROLES = ("id", "question", "answer", "expected", "error", "score", "cluster", *TAGS)
"""One name for each role; the other names of a role are known, too."""
SCORES = ("score", "scores", "correct", "is_correct", "passed", "pass", "success", "accuracy", "exact_match", "grade")
LESS = LESS_IS_BETTER | {
    *("error", "errors", "error_rate", "failed", "failures", "hallucination", "hallucinations", "toxicity", "bias"),
    *("loss", "perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "wer", "cer", "ter"),
}
"""Measures of other tools for which less is better, too."""
NO_SCORES = {
    *("index", "idx", "row", "line", "number", "seed", "epoch", "repeat", "run", "rank", "version", SIGNALS),
    *("cost", "price", "usd", "latency", "ms", "sec", "seconds", "time", "timestamp", "duration", "date", "year"),
    *("tokens", "token", "chars", "characters", "length", "len", "count", "temperature"),
}
"""Words in the names of numeric columns that are no scores."""
NAMES = {*IDS, *INPUTS, "messages", *ANSWERS, *REFERENCES, *ERRORS, *TAGS, *CLUSTERS, *SCORES, *LESS}
NAMED = "name a column with --map, such as --map COLUMN=score"


class _Columns:
    """Which column of a file has which role."""

    def __init__(self, rows: Sequence[FileRow]) -> None:
        self.names = list(dict.fromkeys(name for row in rows for name in row.columns))
        by_name = {name.casefold().strip(): name for name in reversed(self.names)}
        self._by_name = by_name
        self.id, self.question, self.answer = (self._first(of) for of in (IDS, (*INPUTS, "messages"), ANSWERS))
        self.expected, self.error, self.cluster = (self._first(of) for of in (REFERENCES, ERRORS, CLUSTERS))
        self.tags = [by_name[name] for name in TAGS if name in by_name]
        roles = {self.id, self.question, self.answer, self.expected, self.error, self.cluster, *self.tags}
        known = [name for name in self.names if name.casefold().strip() in SCORES]
        self.scores = known + [
            name for name in self.names if name not in {*roles, *known} and _may_score(name) and _is_numeric(rows, name)
        ]

    def _first(self, names: Sequence[str]) -> str | None:
        return next((self._by_name[name] for name in names if name in self._by_name), None)


def read(rows: Sequence[FileRow], columns: Mapping[str, str]) -> list[FileResult]:
    """One result for each row; ``columns`` maps a column of the file to the name that is meant."""
    missing = [name for name in columns if not any(name in row.columns for row in rows)]
    if missing:
        refuse(rows[0].file, 1, f"no row has the column {missing[0]!r}", f"columns: {', '.join(rows[0].columns)}")
    for column, name in columns.items():
        if name.casefold().strip() not in NAMES:
            raise UsageError(f"--map {column}={name}: there is no such role ({nearest(name, ROLES)})")
    rows = list(_renamed(rows, columns))
    found = _Columns(rows)
    if not found.scores and (found.answer is None or found.expected is None):
        wrong = "there is neither a column with scores nor one with answers and one with their references"
        refuse(rows[0].file, rows[0].line, wrong, f"columns: {', '.join(found.names)}; {NAMED}")
    results = [_result(row, found) for row in rows]
    _refuse_repeats(rows, results)
    return results


def _renamed(rows: Sequence[FileRow], columns: Mapping[str, str]) -> Iterator[FileRow]:
    for row in rows:
        cells = {columns.get(name, name): value for name, value in row.columns.items()}
        if len(cells) < len(row.columns):
            refuse(row.file, row.line, "by --map two columns of the row have the same name")
        yield replace(row, columns=cells)


def _refuse_repeats(rows: Sequence[FileRow], results: Sequence[FileResult]) -> None:
    first: dict[str, int] = {}
    for result in results:
        if result.case_id is not None and first.setdefault(result.case_id, result.line) != result.line:
            known = f"first on line {first[result.case_id]}"
            refuse(rows[0].file, result.line, f"the id {result.case_id!r} occurs twice", known)


def _result(row: FileRow, found: _Columns) -> FileResult:
    cells: dict[str | None, Any] = {name: value for name, value in row.columns.items() if value is not None}
    if found.id is not None and found.id not in cells:
        refuse(row.file, row.line, f"the row has no {found.id!r}")
    answer, error = cells.get(found.answer), cells.get(found.error)
    if answer is None and found.answer is not None and Path(row.file).suffix == ".csv":
        answer = ""  # a CSV file cannot say that a text is missing
    if number_of(error) == 0 or not error:
        error = "the row has no answer" if answer is None and found.answer is not None and not found.scores else None
    scores: dict[str, Any] = {}
    for name in found.scores:
        value = cells.get(name)
        scores |= value if isinstance(value, Mapping) else {name: value}
    return FileResult(
        line=row.line,
        case_id=as_text(cells[found.id]) if found.id in cells else None,
        question=as_text(cells[found.question]) if found.question in cells else None,
        answer=None if error or answer is None else as_text(answer),
        expected=reference_of(cells.get(found.expected)),
        error=as_text(error) if error else None,
        scores={} if error else scores_of(row, scores),
        tags={name: _tag(cells[name]) for name in found.tags if name in cells},
        cluster=as_text(cells[found.cluster]) if found.cluster in cells else None,
    )


def _tag(value: Any) -> str:
    return MANY.join(map(as_text, value)) if isinstance(value, list) else as_text(value)


def _may_score(name: str) -> bool:
    return not NO_SCORES.intersection(re.split(r"[\W_]+", name.casefold()))


def _is_numeric(rows: Sequence[FileRow], name: str) -> bool:
    """Whether the column has a value, and all of its values are numbers, or yes or no."""
    values = [value for row in rows if (value := row.columns.get(name)) is not None]
    return bool(values) and all(number_of(value) is not None for value in values)
