"""Reads the results that `promptfoo eval --output` writes as JSON or JSON Lines."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluators.imports.files import mapping
from evaluators.loading.rows import FileRow
from evaluators.loading.template import as_text
from evaluators.result_files.result import FileResult, ResultFormat, objects, refuse, scores_of

PLACES = {"promptIdx", "testIdx"}
ERROR = 2
"""promptfoo's `failureReason` of a result without an answer; 1 is a failed assertion."""
ONE = "write one file for each: promptfoo eval --filter-providers NAME --output FILE"


def matches(row: Mapping[str, Any]) -> bool:
    return row.keys() >= PLACES or isinstance(mapping(row.get("results")).get("results"), list)


def read(path: Path, rows: Sequence[FileRow]) -> tuple[list[FileResult], bool]:
    written = list(_written(rows))
    columns = {(_provider(result), str(result.get("promptIdx"))) for _, _, result in written}
    if len(columns) > 1:
        names = ", ".join(sorted({provider for provider, _ in columns}))
        refuse(path, 1, f"the file has results of {len(columns)} providers or prompts ({names})", ONE)
    return [_result(row, where, result) for row, where, result in written], False


def _written(rows: Sequence[FileRow]) -> Iterator[tuple[FileRow, str, Mapping[str, Any]]]:
    for row in rows:
        if "results" not in row.columns:
            yield row, "", row.columns
            continue
        for where, result in objects(row, mapping(row.columns["results"]).get("results"), "results.results"):
            yield row, where, result


def _provider(result: Mapping[str, Any]) -> str:
    provider = mapping(result.get("provider"))
    return str(provider.get("label") or provider.get("id") or "")


def _result(row: FileRow, where: str, result: Mapping[str, Any]) -> FileResult:
    test, output = mapping(result.get("testCase")), mapping(result.get("response")).get("output")
    variables = result.get("vars") or test.get("vars")
    if not (variables or test) or "success" not in result:
        refuse(row.file, row.line, f"{where}it has no test case, or no 'success'")
    failed = result.get("failureReason") == ERROR or (output is None and result.get("error"))
    scores = {"success": result["success"], "score": result.get("score"), **mapping(result.get("namedScores"))}
    return FileResult(
        line=row.line,
        case_id=_id_of(test, variables),
        question=as_text(variables) if variables else None,
        answer=None if failed else as_text("" if output is None else output),
        error=as_text(result.get("error") or "it has no answer") if failed else None,
        scores={} if failed else scores_of(row, scores, where),
    )


def _id_of(test: Mapping[str, Any], variables: Any) -> str:
    """The test's content, because its place changes when a test is added; equal tests are repeats."""
    content = json.dumps([test.get("description"), variables, test.get("assert")], sort_keys=True, default=str)
    name = as_text(test.get("description") or variables or "")
    return f"{name:.60} {hashlib.sha256(content.encode()).hexdigest()[:8]}"


format_ = ResultFormat("promptfoo", matches, read)
