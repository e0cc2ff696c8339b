"""Reads the events that `oaieval` of OpenAI's package evals records, as JSON Lines."""

from collections.abc import Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import Any

from evaluators.imports.files import mapping
from evaluators.loading.rows import FileRow
from evaluators.loading.template import as_text
from evaluators.result_files.result import FileResult, ResultFormat, is_number, reference_of, refuse, scores_of

REPORT = "final_report"
EVENT = {"run_id", "event_id", "type"}
MATCH, METRICS, SAMPLING, ERROR = "match", "metrics", "sampling", "error"


def matches(row: Mapping[str, Any]) -> bool:
    return "eval_name" in mapping(row.get("spec")) or row.keys() >= EVENT


def read(path: Path, rows: Sequence[FileRow]) -> tuple[list[FileResult], bool]:
    """One result for each sample; without the final report, the evaluation did not end."""
    samples: dict[str, list[FileRow]] = {}
    for row in rows:
        if "spec" in row.columns or REPORT in row.columns:
            continue
        if not isinstance(row.columns.get("type"), str) or not isinstance(row.columns.get("data"), dict):
            refuse(path, row.line, "the event has no 'type', or no 'data'")
        if row.columns.get("sample_id") is not None:
            samples.setdefault(as_text(row.columns["sample_id"]), []).append(row)
    runs = {as_text(event.columns.get("run_id")) for events in samples.values() for event in events}
    if len(runs) > 1:
        refuse(
            path, 1, f"the file has events of {len(runs)} runs ({', '.join(sorted(runs))})", "write one file for each"
        )
    results = [_result(name, events) for name, events in samples.items()]
    return results, not any(REPORT in row.columns for row in rows)


def _result(name: str, events: Sequence[FileRow]) -> FileResult:
    data = {kind: _first(events, kind) for kind in (MATCH, SAMPLING, ERROR)}
    answer = data[SAMPLING].get("sampled", data[MATCH].get("sampled"))
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    prompt = data[SAMPLING].get("prompt")
    error = data[ERROR] if not data[MATCH] else None
    return FileResult(
        line=events[0].line,
        case_id=name,
        question=None if prompt is None else as_text(prompt),
        answer=None if answer is None or error else as_text(answer),
        expected=reference_of(data[MATCH].get("expected")),
        error=as_text(error.get("message") or error.get("type") or "error") if error else None,
        scores={} if error else _scores(events),
    )


def _first(events: Sequence[FileRow], kind: str) -> Mapping[str, Any]:
    return next((mapping(row.columns["data"]) for row in events if row.columns["type"] == kind), {})


def _scores(events: Sequence[FileRow]) -> dict[str, float | None]:
    """Whether the sample matched, as the mean of its matches, and each number of its metrics."""
    matched = [row for row in events if row.columns["type"] == MATCH]
    found = [scores_of(row, {MATCH: row.columns["data"].get("correct")})[MATCH] for row in matched]
    known = [score for score in found if score is not None]
    scores: dict[str, float | None] = {MATCH: fsum(known) / len(known)} if known else {}
    for row in events:
        if row.columns["type"] == METRICS:
            scores |= {name: float(value) for name, value in row.columns["data"].items() if is_number(value)}
    return scores


format_ = ResultFormat("OpenAI evals", matches, read)
