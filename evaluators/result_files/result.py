"""Defines one result of a file, the file with all of its results, and the formats of tools that write such files."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from evaluators.loading.rows import FileRow
from evaluators.loading.template import as_text
from evaluators.scoring.scorer import truth_of
from fairtrial.domain.errors import ConfigError, Diagnostic
from fairtrial.domain.registry import Registry

RIGHT = ("correct", "right", "pass", "passed", "success")
WRONG = ("incorrect", "wrong", "fail", "failed", "failure")
"""Words for a score besides yes and no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """One answer or its scores. ``case_id`` is ``None`` if the file has no ids, and ``answer`` if it has no answers.

    ``error``: why there is no answer. ``scores``: measure → number, ``None`` if it is missing.
    """

    line: int
    case_id: str | None
    question: str | None = None
    answer: str | None = None
    expected: str | list[str] | None = None
    error: str | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file of results; ``interrupted``: whether its tool stopped before the end."""

    path: Path
    format: str
    results: tuple[FileResult, ...]
    interrupted: bool = False

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of all scores, in the order of the file."""
        return tuple(dict.fromkeys(name for result in self.results for name in result.scores))

    @property
    def has_answers(self) -> bool:
        """Whether each result has the text of an answer, unless it has an error."""
        return all(result.answer is not None for result in self.results if result.error is None)

    def refuse(self, line: int, wrong: str, known: str = "") -> NoReturn:
        """Raise `ConfigError` for a line of this file."""
        refuse(self.path, line, wrong, known)


@dataclass(frozen=True, slots=True)
class ResultFormat:
    """The files of one tool. ``matches``: whether a file with this first row is one of them.

    ``read`` returns its results, and whether its tool stopped before the end.
    """

    noun: str
    matches: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Path, Sequence[FileRow]], tuple[list[FileResult], bool]]


FORMATS = Registry("evaluators.result_files.formats", "format_", noun="format of results", kind=ResultFormat)


def refuse(path: Path | str, line: int, wrong: str, known: str = "") -> NoReturn:
    """Raise `ConfigError` with one line: ``file:line: what is wrong (what is known)``."""
    raise ConfigError([Diagnostic(str(path), line, "", wrong, known)])


def number_of(value: Any) -> float | None:
    """A score as a number: 1 and 0 for yes and no; ``None`` for anything that is neither."""
    truth = truth_of(value)
    word = value.strip().casefold() if isinstance(value, str) else ""
    if truth is not None or word in (*RIGHT, *WRONG):
        return float(truth is True or word in RIGHT)
    try:
        number = float(word or value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def is_number(value: Any) -> bool:
    """Whether a tool wrote it as a number or as true or false."""
    return isinstance(value, int | float) and number_of(value) is not None


def scores_of(row: FileRow, values: Mapping[str, Any], where: str = "") -> dict[str, float | None]:
    """The named scores; raises `ConfigError` for one that is no number. A missing one is ``None``."""
    scores: dict[str, float | None] = {}
    for name, value in values.items():
        scores[name] = None if value is None else number_of(value)
        if value is not None and scores[name] is None:
            wrong = f"{where}the score {name!r} is {value!r:.60}, which is neither a number nor yes or no"
            refuse(row.file, row.line, wrong)
    return scores


def reference_of(value: Any) -> str | list[str] | None:
    """The accepted answers, each as text; ``None`` without one."""
    if isinstance(value, list):
        return [as_text(item) for item in value] or None
    return None if value in (None, "") else as_text(value)


def objects(row: FileRow, values: Any, what: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Each of a list of objects, with its place in words; raises `ConfigError` for anything else."""
    if not isinstance(values, list) or not values:
        refuse(row.file, row.line, f"{what} is not a list of results, or it is empty")
    for number, value in enumerate(values, 1):
        if not isinstance(value, Mapping):
            refuse(row.file, row.line, f"result {number} of {what} is not an object")
        yield f"result {number}: ", value
