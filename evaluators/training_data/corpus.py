"""Holds the rows of all audited files, and what several checks compute from them once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evaluators.training_data.audit_report import MOST_LISTED, Issue, Role, Severity
from evaluators.training_data.example import Example
from evaluators.training_data.example_file import ExampleFile
from evaluators.training_data.similarity.near_duplicates import SimilarRows, find_similar
from fairtrial.domain.wording import counted

_WORD = re.compile(r"\w+|[+*/=<>%^×÷√#&@$€£]|-(?=\s?\d)")
"""A word, or a sign that changes the meaning, such as those of a sum."""


def normalise(text: str) -> str:
    """The words of a text in lower case, without punctuation and extra white space; signs of sums stay."""
    return " ".join(_WORD.findall(text.lower()))


@dataclass(frozen=True)
class Corpus:
    """All rows, numbered over all files; the training files come first."""

    files: tuple[ExampleFile, ...]
    roles: tuple[Role, ...]

    @cached_property
    def examples(self) -> list[Example]:
        """The examples of all files."""
        return [example for file in self.files for example in file.examples]

    @cached_property
    def file_of(self) -> list[int]:
        """The number of each row's file."""
        return [number for number, file in enumerate(self.files) for _ in file.examples]

    @cached_property
    def train(self) -> range:
        """The rows that the model learns from."""
        learnt = (len(file.examples) for file, role in zip(self.files, self.roles, strict=True) if role == "train")
        return range(sum(learnt))

    @cached_property
    def prompts(self) -> list[str]:
        """The normalised prompt of each row; if that is empty, the normalised completion."""
        return [normalise(one.prompt) or normalise(one.completion) for one in self.examples]

    @cached_property
    def completions(self) -> list[str]:
        """The normalised completion of each row."""
        return [normalise(one.completion) for one in self.examples]

    @cached_property
    def labels(self) -> list[Mapping[str, Any]]:
        """The completion of each training row as a JSON object, or an empty mapping."""
        return [self.examples[row].labels for row in self.train]

    @cached_property
    def similar(self) -> SimilarRows:
        """Which rows have the same or nearly the same prompt."""
        return find_similar(self.prompts)

    def role(self, row: int) -> Role:
        """The role of the row's file."""
        return self.roles[self.file_of[row]]

    def path(self, row: int) -> str:
        """The path of the row's file."""
        return str(self.files[self.file_of[row]].path)

    def place(self, row: int) -> str:
        """The file and line of a row."""
        return f"{self.path(row)}:{self.examples[row].line}"

    def by_file(self, rows: Iterable[int]) -> dict[str, tuple[int, ...]]:
        """The lines of some rows in each of their files, in order."""
        found: dict[str, set[int]] = {}
        for row in rows:
            found.setdefault(self.path(row), set()).add(self.examples[row].line)
        return {path: tuple(sorted(lines)) for path, lines in found.items()}

    def places(self, groups: Sequence[Sequence[int]]) -> list[list[str]]:
        """Groups of rows as files and lines, at most so many that a report stays readable."""
        return [[self.place(row) for row in group] for group in groups[:MOST_LISTED]]

    def issues(self, check: str, severity: Severity, rows: Iterable[int], says: str, **details: Any) -> list[Issue]:
        """One issue for each file of the rows; ``says`` has ``{rows}`` in place of their number."""
        return [
            Issue(check, severity, says.replace("{rows}", counted(len(lines), "row")), path, lines, len(lines), details)
            for path, lines in self.by_file(rows).items()
        ]
