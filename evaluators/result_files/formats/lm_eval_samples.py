"""Reads the samples that lm-eval writes with `--log_samples`, as `samples_TASK_TIME.jsonl`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluators.imports.files import listed
from evaluators.loading.rows import FileRow
from evaluators.loading.template import as_text
from evaluators.result_files.result import FileResult, ResultFormat, is_number, reference_of, refuse, scores_of

RESPONSES = {"resps", "filtered_resps"}
NO_METRICS = frozenset({"doc_id", "doc", "target", "arguments", "filter", "metrics", "prompt_hash", *RESPONSES})


def matches(row: Mapping[str, Any]) -> bool:
    return "doc_id" in row and bool(RESPONSES & row.keys())


def read(path: Path, rows: Sequence[FileRow]) -> tuple[list[FileResult], bool]:
    """One result for each document; each of its filters, such as `strict-match`, has its own measures.

    The number of a document is its place, so that its digest belongs to its id.
    """
    several = len({str(row.columns.get("filter")) for row in rows}) > 1
    of_document: dict[str, list[FileRow]] = {}
    for row in rows:
        if "doc_id" not in row.columns:
            refuse(path, row.line, "the sample has no 'doc_id'")
        earlier = of_document.setdefault(as_text(row.columns["doc_id"]), [])
        if any(one.columns.get("filter") == row.columns.get("filter") for one in earlier):
            refuse(path, row.line, f"the document {row.columns['doc_id']!r} occurs twice", "of one task and filter")
        earlier.append(row)
    return [_result(name, same, several=several) for name, same in of_document.items()], False


def _result(name: str, rows: Sequence[FileRow], *, several: bool) -> FileResult:
    scores: dict[str, float | None] = {}
    for row in rows:
        values = {metric: row.columns.get(metric) for metric in _metrics(row.columns)}
        suffix = f"_{row.columns.get('filter')}" if several else ""
        scores |= {f"{metric}{suffix}": value for metric, value in scores_of(row, values).items()}
    row = rows[0]
    return FileResult(
        line=row.line,
        case_id=f"{name} {str(row.columns.get('doc_hash') or '')[:8]}".rstrip(),
        question=_question(row.columns.get("arguments")),
        answer=_answer(row.columns.get("resps")),
        expected=reference_of(row.columns.get("target")),
        scores=scores,
    )


def _metrics(columns: Mapping[str, Any]) -> list[str]:
    """The metrics with a number for each sample; BLEU and others of a whole task have none."""
    stated = columns.get("metrics")
    names = stated if isinstance(stated, list) else [name for name in columns if name not in NO_METRICS]
    return [name for name in names if isinstance(name, str) and is_number(columns.get(name))]


def _answer(responses: Any) -> str | None:
    """The first text of `[["It is 2"]]`; a multiple choice has only likelihoods, as `[[["-1.0", "False"]]]`."""
    first = listed(next(iter(listed(responses)), None))
    return first[0] if first and isinstance(first[0], str) else None


def _question(arguments: Any) -> str | None:
    """The prompt, which is the first text in nested lists and objects."""
    while isinstance(arguments, list | Mapping) and arguments:
        arguments = arguments[0] if isinstance(arguments, list) else next(iter(arguments.values()))
    return arguments if isinstance(arguments, str) else None


format_ = ResultFormat("lm-eval", matches, read)
