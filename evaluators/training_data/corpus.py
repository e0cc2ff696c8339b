"""Holds the rows of all audited files with their label fields, and what several checks compute from them once."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from evaluators.training_data.audit_report import MOST_LISTED, Issue, Role, Severity
from evaluators.training_data.example import Example, as_text, labels_in
from evaluators.training_data.example_file import ExampleFile
from evaluators.training_data.similarity.near_duplicates import SimilarRows, find_similar
from fairtrial.domain.wording import counted

_WORD = re.compile(r"\w+|[+*/=<>%^×÷√#&@$€£]|-(?=\s?\d)")
"""A word, or a sign that changes the meaning, such as those of a sum."""

MOST_CLASSES = 50
ROWS_PER_CLASS = 5
"""A field has classes if it has at most 50 values, and on average at least five rows for each."""
COPIED = 0.7
"""Two fields with the same value in at least this share of the rows are copies."""
WHOLE = "completion"
"""The name of the field that is the whole completion."""


def normalise(text: str) -> str:
    """The words of a text in lower case, without punctuation and extra white space; signs of sums stay."""
    return " ".join(_WORD.findall(text.lower()))


@dataclass(frozen=True, slots=True)
class LabelField:
    """One field with a few values. ``values`` has one text for each training row, or ``None``."""

    name: str
    values: tuple[str | None, ...]

    @property
    def counts(self) -> Counter[str]:
        """The number of rows of each value."""
        return Counter(value for value in self.values if value is not None)


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
        return [normalise(example.prompt) or normalise(example.completion) for example in self.examples]

    @cached_property
    def completions(self) -> list[str]:
        """The normalised completion of each row."""
        once = cache(normalise)
        return [once(example.completion) for example in self.examples]

    @cached_property
    def labels(self) -> list[Mapping[str, Any]]:
        """The completion of each training row as a JSON object, or an empty mapping."""
        once = cache(labels_in)
        return [once(self.examples[row].completion) for row in self.train]

    @cached_property
    def completion_fields(self) -> list[LabelField]:
        """The fields of the completions, or the whole completion where it is none."""
        return _of_completions(self)

    @cached_property
    def label_columns(self) -> list[LabelField]:
        """The columns that are named like a label."""
        return _columns(self, labels=True)

    @cached_property
    def label_fields(self) -> list[LabelField]:
        """The fields that the model learns to choose, without copies of one in another column."""
        distinct: list[LabelField] = []
        for field in (*self.completion_fields, *self.label_columns):
            if not any(is_copy(field, other) for other in distinct):
                distinct.append(field)
        return distinct

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
        lines_of: dict[str, set[int]] = {}
        for row in rows:
            lines_of.setdefault(self.path(row), set()).add(self.examples[row].line)
        return {path: tuple(sorted(lines)) for path, lines in lines_of.items()}

    def places(self, groups: Sequence[Sequence[int]]) -> list[list[str]]:
        """Groups of rows as files and lines, at most so many that a report stays readable."""
        return [[self.place(row) for row in group] for group in groups[:MOST_LISTED]]

    def issues(self, check: str, severity: Severity, rows: Iterable[int], says: str, **details: Any) -> list[Issue]:
        """One issue for each file of the rows; ``says`` has ``{rows}`` in place of their number."""
        return [
            Issue(check, severity, says.replace("{rows}", counted(len(lines), "row")), path, lines, len(lines), details)
            for path, lines in self.by_file(rows).items()
        ]

    def summary(self, check: str, severity: Severity, says: str, count: int, **details: Any) -> Issue:
        """One issue about all rows together, which names no line of the first file."""
        return Issue(check, severity, says, str(self.files[0].path), (), count, details)


def copies(corpus: Corpus) -> list[tuple[LabelField, LabelField]]:
    """Each field of the completion with a column that is nearly a copy of it."""
    return [
        (field, other) for field in corpus.completion_fields for other in corpus.label_columns if is_copy(other, field)
    ]


def is_copy(field: LabelField, column: LabelField) -> bool:
    """Whether two fields have the same value in most rows that have both, as a label and its column do."""
    both = [(one, two) for one, two in zip(field.values, column.values, strict=True) if one and two]
    return bool(both) and sum(one == two for one, two in both) >= COPIED * len(both)


def slice_fields(corpus: Corpus) -> list[LabelField]:
    """The other fields with a few values, such as the language or the source of a row."""
    return _columns(corpus, labels=False)


def _of_completions(corpus: Corpus) -> list[LabelField]:
    names = Counter(name for labels in corpus.labels for name in labels)
    fields = [_field(name, (_value(labels, name) for labels in corpus.labels)) for name in names]
    pairs = zip(corpus.labels, [corpus.examples[row].completion.strip() for row in corpus.train], strict=True)
    whole = [text if text and not labels and len(text) <= 100 else None for labels, text in pairs]
    return [field for field in (*fields, _field(WHOLE, whole)) if field is not None]


def _columns(corpus: Corpus, *, labels: bool) -> list[LabelField]:
    rows = [corpus.examples[row].fields for row in corpus.train]
    names = dict.fromkeys(name for fields in rows for name in fields)
    columns = [_field(name, (_value(fields, name) for fields in rows)) for name in names if _is_label(name) == labels]
    return [field for field in columns if field is not None]


def _is_label(name: str) -> bool:
    return name.lower().startswith("label") or name.lower() in ("class", "category", "expected")


def _value(row: Mapping[str, Any], name: str) -> str | None:
    """A value as text, or ``None`` if there is none, or it is a list, an object or long."""
    if name not in row or isinstance(row[name], list | dict):
        return None
    value = as_text(row[name])
    return value if len(value) <= 100 else None


def _field(name: str, values: Iterable[str | None]) -> LabelField | None:
    field = LabelField(name, tuple(values))
    counts = field.counts
    few = 2 <= len(counts) <= MOST_CLASSES and counts.total() >= ROWS_PER_CLASS * len(counts)
    return field if few else None
