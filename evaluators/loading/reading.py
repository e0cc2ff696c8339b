"""Holds one document of a suite file while it is read, and reads the files of rows that it names."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from evaluators.loading.rows import (
    MOST_ROW_BYTES,
    MOST_ROWS,
    PARQUET,
    Row,
    names_in,
    parquet_as_lines,
    read_rows,
    with_our_names,
)
from evaluators.loading.suite_schema import SuiteModel
from evaluators.suite import DataFile
from fairtrial.config.file.project_files import MOST_YAML_BYTES, Budget, read_bytes, read_text
from fairtrial.config.file.yaml_file import Document
from fairtrial.domain.errors import Diagnostic
from fairtrial.regular_files import FileRefused

MOST_OF_A_KIND = 20
"""How many errors of one file of rows are shown, because a wrong column is wrong in every row."""
EMPTY: Mapping[str, str] = MappingProxyType({})
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class SuiteFile:
    """The suite's file, the folder in which the files it names must be, and the remaining read budget."""

    path: Path
    root: Path
    budget: Budget

    def read(self, name: str, *, most: int = MOST_YAML_BYTES) -> str:
        """The text of a file that the suite or a scorer names, of Parquet as JSON Lines; raises `FileRefused`."""
        path = self.path.parent / name
        if path.suffix != PARQUET:
            return read_text(path, self.root, most=most, budget=self.budget)
        return parquet_as_lines(read_bytes(path, self.root, most=most, budget=self.budget))


@dataclass(slots=True)
class Reading:
    """One document that is being read; errors are collected, so that all are reported."""

    document: Document
    source: SuiteFile
    model: SuiteModel
    errors: list[Diagnostic]
    data: list[DataFile] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)
    """The columns of the rows that are read under other names, as their files name them."""

    def wrong(self, at: Place, wrong: str, known: str = "") -> None:
        self.errors.append(self.document.diagnostic(at, wrong, known))

    def text_of(self, name: str, at: Place, *, most: int) -> str | None:
        """The text of a file; ``at``: where the suite names it. ``None`` after an error."""
        try:
            return self.source.read(name, most=most)
        except FileRefused as error:
            missing = isinstance(error.__cause__, FileNotFoundError)
            wrong = f"there is no file {name!r}" if missing else f"{name!r} {error.wrong}"
            self.wrong(at, wrong, error.known or "paths are relative to the suite's file")
            return None

    def rows_of(self, name: str, at: Place, names: Mapping[str, str] = EMPTY) -> list[Row]:
        """The rows of one file; ``at``: where the suite names it; ``names``: column of the file → its name here."""
        if (text := self.text_of(name, at, most=MOST_ROW_BYTES)) is None:
            return []
        found, wrongs = read_rows(self.source.path.parent / name, text)
        self.data.append(DataFile(name, hashlib.sha256(text.encode()).hexdigest(), len(found)))
        self.errors += shortened(wrongs)
        if len(found) > MOST_ROWS:
            self.wrong(at, f"there are more than {MOST_ROWS:,} rows", "split the suite")
            return []
        if names:
            self.columns |= {column for row in found for column in names_in(row, names)}
        rows = [with_our_names(row, names) for row in found]
        self.errors += shortened([row for row in rows if isinstance(row, Diagnostic)])
        return [row for row in rows if isinstance(row, Row)]


def shortened(errors: Sequence[Diagnostic]) -> list[Diagnostic]:
    """The first errors of a file of rows, and the number of the others. The same error of many rows is one."""
    rows = Counter((error.file, error.wrong) for error in errors)
    first = {(error.file, error.wrong): error for error in reversed(errors)}
    errors = [
        error if rows[key] == 1 else replace(error, wrong=f"{error.wrong} ({rows[key]} rows, from here on)")
        for key, error in reversed(first.items())
    ]
    if len(errors) <= MOST_OF_A_KIND:
        return list(errors)
    last = errors[MOST_OF_A_KIND]
    more = len(errors) - MOST_OF_A_KIND
    return [*errors[:MOST_OF_A_KIND], Diagnostic(last.file, last.line, "", f"and {more} more errors from here on")]
