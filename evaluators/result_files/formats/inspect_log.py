"""Reads logs of Inspect, in their JSON form or unpacked from an `.eval` archive."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluators.imports.files import listed, mapping
from evaluators.loading.rows import FileRow
from evaluators.loading.template import as_text
from evaluators.result_files.result import FileResult, ResultFormat, number_of, objects, reference_of, refuse, scores_of
from fairtrial.domain.answers.chat import text_of

ATTACHED = "attachment://"
DONE = ("success", None)
GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Correct, partial, incorrect and no answer."""


def matches(row: Mapping[str, Any]) -> bool:
    return "eval" in row and ("samples" in row or "plan" in row)


def read(path: Path, rows: Sequence[FileRow]) -> tuple[list[FileResult], bool]:
    log = rows[0].columns
    if not log.get("samples"):
        refuse(path, 1, "the log has no samples", "it was written without them, or no sample was finished")
    written = list(objects(rows[0], log["samples"], "samples"))
    for where, sample in written:
        if sample.get("id") is None:
            refuse(path, 1, f"{where}it has no 'id'")
    (name, _), count = Counter((as_text(one["id"]), as_text(one.get("epoch"))) for _, one in written).most_common(1)[0]
    if count > 1:
        refuse(path, 1, f"the sample {name!r} occurs {count} times in one epoch")
    written.sort(key=lambda pair: number_of(pair[1].get("epoch")) or 1)
    return [_result(rows[0], where, sample) for where, sample in written], log.get("status") not in DONE


def _result(row: FileRow, where: str, sample: Mapping[str, Any]) -> FileResult:
    error, attached = sample.get("error"), mapping(sample.get("attachments"))
    written = sample.get("scores") or {"score": sample.get("score")}
    values = {name: mapping(score).get("value") for name, score in mapping(written).items()}
    asked = sample.get("input")
    messages = [text_of(mapping(message).get("content")) or "" for message in listed(asked)]
    return FileResult(
        line=row.line,
        case_id=as_text(sample["id"]),
        question=asked if isinstance(asked, str) else "\n".join(messages),
        answer=None if error else _answer(mapping(sample.get("output")), attached),
        expected=reference_of(sample.get("target")),
        error=as_text(mapping(error).get("message") or error) if error else None,
        scores={} if error else scores_of(row, dict(_parts(values)), where),
    )


def _parts(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each number of a score, which may be an object of several; a list has no names, so it is left out."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}_{part}", inner) for part, inner in value.items())
        elif not isinstance(value, list):
            yield name, GRADES.get(value, value) if isinstance(value, str) else value


def _answer(output: Mapping[str, Any], attached: Mapping[str, Any]) -> str | None:
    completion = output.get("completion")
    if completion is None and listed(output.get("choices")):
        message = mapping(mapping(listed(output["choices"])[0]).get("message"))
        completion = text_of(message.get("content"))
    if isinstance(completion, str) and completion.startswith(ATTACHED):
        completion = attached.get(completion.removeprefix(ATTACHED), completion)
    return completion if isinstance(completion, str) else None


format_ = ResultFormat("Inspect", matches, read)
