"""Defines the schemas of suite files, holds one file while it is read, and finds suites by name."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from evaluators.loading.rows import MOST_ROW_BYTES, MOST_ROWS, FileRow, names_in, read_rows, with_our_names
from evaluators.probes.probe import Kind, Severity
from evaluators.suite import DataFile
from fairtrial.config.file import yaml_file
from fairtrial.config.file.project_files import MOST_YAML_BYTES, Budget, read_bytes, read_text, refuse_private
from fairtrial.config.file.yaml_file import Document
from fairtrial.domain.errors import ConfigError, Diagnostic
from fairtrial.named_files import PARQUET, parquet_as_lines
from fairtrial.safe_files import FileRefused

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
MOST_OF_A_KIND = 20
"""How many errors of one file of rows are shown, because a wrong column is wrong in every row."""
EMPTY: Mapping[str, str] = MappingProxyType({})
Place = tuple[str | int, ...]
MOST_FILES = 200
"""Only the first files by name are searched; a gate in a larger folder must list its suites by path."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Texts = Annotated[list[str], BeforeValidator(_as_list)]


class SampleModel(BaseModel):
    """``n`` rows drawn by a seed, always the same ones, in file order."""

    model_config = ConfigDict(extra="forbid")

    n: int = Field(ge=1)
    seed: int = 0


class MessageModel(BaseModel):
    """One message of a prompt template."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["system", "developer", "user", "assistant"]
    content: str


class SuiteModel(BaseModel):
    """One suite as written in the file, before its files are read. `Suite` has its cases and its built scorers."""

    model_config = ConfigDict(extra="forbid")

    suite: Name
    data: Annotated[Texts, Field(max_length=100)] = Field(default_factory=list)
    map: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict, max_length=100)
    score: list[Any] = Field(default_factory=list, max_length=50)
    probes: list[Any] = Field(default_factory=list, max_length=100)
    version: Literal[1] = 1
    kind: Literal["metric", "regression", "edges"] | None = None
    description: str = ""
    prompt: str | None = None
    messages: list[MessageModel] | None = None
    system: str | None = None
    vars: dict[str, Any] = Field(default_factory=dict)
    params: dict[str, Any] = Field(default_factory=dict)
    tags: dict[Name, str] = Field(default_factory=dict, max_length=20)
    groups: dict[Name, dict[str, Any]] = Field(default_factory=dict, max_length=20)
    slices: Annotated[Texts, Field(max_length=20)] = Field(default_factory=list)
    cluster: str | None = None
    against: Literal["base"] | None = None
    repeat: int = Field(default=1, ge=1, le=100)
    sample: SampleModel | None = None
    seed: int = 0
    gate: Annotated[Texts, Field(max_length=200)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_prompt(self) -> "SuiteModel":
        if self.prompt is not None and self.messages is not None:
            raise ValueError("give either 'prompt' or 'messages', not both")
        if not self.probes:
            for name, value in (("data", self.data), ("score", self.score)):
                if not value:
                    raise ValueError(f"{name!r} is missing; only a suite with 'probes' needs none")
        for reserved in ("model", "messages", "stream", "n"):
            if reserved in self.params:
                raise ValueError(f"params: {reserved!r} cannot be set by a suite, because fairtrial sets it")
        return self


class TemplateModel(BaseModel):
    """One template; its values override those of the file."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1)
    technique: str = ""
    severity: Severity | None = None
    expected: Any = None
    columns: dict[str, Any] = Field(default_factory=dict)


def _as_template(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


class ProbeFileModel(BaseModel):
    """One family as written in its file."""

    model_config = ConfigDict(extra="forbid")

    probe: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
    kind: Kind
    summary: str = ""
    severity: Severity = "medium"
    templates: Annotated[
        list[Annotated[TemplateModel, BeforeValidator(_as_template)]], Field(min_length=1, max_length=200)
    ]
    slots: dict[str, Annotated[list[Any], Field(min_length=1, max_length=1000)]] = Field(default_factory=dict)
    rows: str | None = None
    expected: Any = None
    columns: dict[str, Any] = Field(default_factory=dict)
    direction: dict[str, Any] = Field(default_factory=dict)
    score: list[Any] = Field(default_factory=list, max_length=10)


@dataclass(frozen=True, slots=True)
class SuiteFile:
    """The suite's file, the folder in which the files it names must be, and the remaining read budget."""

    path: Path
    root: Path
    budget: Budget

    def read(self, name: str, *, most: int = MOST_YAML_BYTES) -> str:
        """The text of a file that the suite or a scorer names, of Parquet as JSON Lines; raises `FileRefused`."""
        path = self.path.parent / name
        refuse_private(path, self.root, beside=self.path)
        if path.suffix != PARQUET:
            return read_text(path, self.root, most=most, budget=self.budget)
        content = read_bytes(path, self.root, most=most, budget=self.budget)
        text = parquet_as_lines(content, MOST_ROWS, min(most, self.budget.bytes_left))
        self.budget.bytes_left -= len(text)
        return text


@dataclass(slots=True)
class SuiteReading:
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

    def rows_of(self, name: str, at: Place, names: Mapping[str, str] = EMPTY) -> list[FileRow]:
        """The rows of one file; ``at``: where the suite names it; ``names``: column of the file → its name here."""
        if (text := self.text_of(name, at, most=MOST_ROW_BYTES)) is None:
            return []
        file_rows, wrongs = read_rows(self.source.path.parent / name, text)
        self.data.append(DataFile(name, hashlib.sha256(text.encode()).hexdigest(), len(file_rows)))
        self.errors += shortened(wrongs)
        if len(file_rows) > MOST_ROWS:
            self.wrong(at, f"there are more than {MOST_ROWS:,} rows", "split the suite")
            return []
        if names:
            self.columns |= {column for row in file_rows for column in names_in(row, names)}
        rows = [with_our_names(row, names) for row in file_rows]
        self.errors += shortened([row for row in rows if isinstance(row, Diagnostic)])
        return [row for row in rows if isinstance(row, FileRow)]


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


@dataclass(slots=True)
class Nearby:
    """``suites``: name → file. ``unreadable``: files that cannot be read, one of which may define a missing suite."""

    suites: dict[str, Path] = field(default_factory=dict)
    unreadable: list[Path] = field(default_factory=list)


def search(
    folder: Path, *, exclude: Path | None = None, root: Path | None = None, budget: Budget | None = None
) -> Nearby:
    """Suites and unreadable files; ``root`` and ``budget`` are as in `yaml_file.load`."""
    nearby = Nearby()
    files = _files(folder, exclude)
    nearby.unreadable += files[MOST_FILES:]
    for file in files[:MOST_FILES]:
        names = _names(file, root, budget)
        if names is None:
            nearby.unreadable.append(file)
        for name in names or ():
            nearby.suites.setdefault(name, file)
    return nearby


def _files(folder: Path, exclude: Path | None) -> list[Path]:
    return [file for file in sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml")]) if file != exclude]


def _names(file: Path, root: Path | None, budget: Budget | None) -> list[str] | None:
    try:
        documents = yaml_file.load(file, root=root, budget=budget)
    except ConfigError:
        return None
    values = [document.value for document in documents if isinstance(document.value, dict)]
    return [value["suite"] for value in values if isinstance(value.get("suite"), str)]
