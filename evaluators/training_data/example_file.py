"""Reads the examples of a training file, detects its format, and reads its rows unchanged for a copy."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from evaluators.training_data.example import FORMATS, PRECEDENCE, Example, Format, Row, RowError, text_of
from evaluators.training_data.rows import READERS, NumberedRow, Rows, UnreadableRow, as_utf8
from fairtrial.domain.errors import Diagnostic, UsageError, nearest
from fairtrial.domain.wording import counted
from fairtrial.named_files import read_named

LOOKED_AT = 100
"""Rows at the start of a file that decide its format."""
MOST_SHOWN = 50
"""Unreadable rows that a text lists."""
_NAME_COLUMNS = (
    "name its columns with --prompt and --completion, "
    "or convert it first: fairtrial data convert FILE --prompt COLUMN --completion COLUMN --to completion"
)
_ADVICE = {
    **dict.fromkeys((".gz", ".zip", ".bz2", ".xz", ".zst"), "unpack it first"),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "export it as 'CSV UTF-8'"),
    **dict.fromkeys((".txt", ""), "if it is a table with a header, name it .csv"),
}
"""What to do with other kinds of files, by the end of their names."""

JSON_LINES = (".jsonl", ".ndjson")
USUAL = ("prompt", "completion")


@dataclass(frozen=True, slots=True)
class ExampleFile:
    """The examples of one file, with the digest of its bytes, the name of its format and its unreadable rows."""

    path: Path
    sha256: str
    format: str
    examples: tuple[Example, ...]
    errors: tuple[Diagnostic, ...] = ()
    columns: tuple[str, str] | None = None
    """The names in the file of the columns with the prompt and the completion, if they are not the usual ones."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """By name in the file, the columns that are the ``prompt`` or the ``completion`` of the examples."""


def read_examples(
    path: Path,
    *,
    format: str | None = None,  # noqa: A002 - the word of the field
    columns: tuple[str, str] | None = None,
) -> ExampleFile:
    """The examples of a file; ``format`` names its format, or it is recognised by the fields of the first rows.

    ``columns`` names the columns with the prompt and the completion, if they have other names than usual.

    Raises `UsageError` if it is not a regular file within the limit, has no row, or none that can be read. Other
    unreadable rows are in ``errors``.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path}: {_unsupported(path)}")
    content = read_named(path)
    digest = hashlib.sha256(content).hexdigest()
    rows = reader(as_utf8(content))
    del content
    if columns is not None:
        file = _read(path, digest, renamed(rows, columns), "completion")
        return replace(file, columns=columns, roles={**file.roles, **dict(zip(columns, USUAL, strict=True))})
    return _read(path, digest, rows, format)


def renamed(rows: Rows, columns: tuple[str, str]) -> Rows:
    """The rows with usual names for the two columns."""
    for row in rows:
        if isinstance(row, UnreadableRow):
            yield row
            continue
        names = [column_in(row.columns, name) for name in columns]
        missing = [given for given, name in zip(columns, names, strict=True) if name is None]
        if missing:
            yield UnreadableRow(row.line, f"the row has no column {missing[0]!r} ({nearest(missing[0], row.columns)})")
        else:
            named = {usual: row.columns[str(name)] for usual, name in zip(USUAL, names, strict=True)}
            rest = {name: value for name, value in row.columns.items() if name not in (*names, *named)}
            yield NumberedRow(row.line, {**named, **rest})


def column_in(columns: Iterable[str], name: str) -> str | None:
    """The column with this name, or else the first one whose name differs only in case."""
    names = tuple(columns)
    return name if name in names else next((column for column in names if column.casefold() == name.casefold()), None)


def _read(path: Path, digest: str, rows: Rows, named: str | None) -> ExampleFile:
    first = list(islice(rows, LOOKED_AT))
    readable = [row for row in first if isinstance(row, NumberedRow)]
    name = named or _recognise(readable)
    if not first or (name is None and not readable):
        why = "; ".join(row.wrong for row in first[:1] if isinstance(row, UnreadableRow)) or "the file has no rows"
        raise UsageError(f"{path}: {why}")
    if name is None:
        raise UsageError(f"{path}:{readable[0].line}: {_unknown(readable[0].columns)}")
    form = FORMATS.get(name)
    read, errors = _examples(path, [*first], rows, form)
    if not read:
        suffix = f" (format: {name})" if readable else ""
        same = len({error.wrong for error in errors}) == 1 < len(errors)
        lines = [f"{errors[0]} (like all {len(errors):,} rows)"] if same else shown_errors([*map(str, errors)])
        raise UsageError("\n".join(f"{line}{suffix}" for line in lines))
    roles = next((roles for row in readable if (roles := _roles(row, form))), {})
    return ExampleFile(path, digest, name, tuple(read), tuple(errors), roles=roles)


def shown_errors(errors: Sequence[str], hint: str = "") -> list[str]:
    """The first unreadable rows, and how many more there are, with a hint."""
    more = len(errors) - MOST_SHOWN
    return [*errors[:MOST_SHOWN], *([f"and {counted(more, 'more row')} that can't be read{hint}"] if more > 0 else [])]


def _roles(row: NumberedRow, form: Format) -> dict[str, str]:
    """The columns of a row that are its prompt and its completion, if it has one column for each."""
    example = _example(row, form)
    if isinstance(example, UnreadableRow):
        return {}
    texts = {name: text_of(row.columns, name) for name in row.columns if name not in example.fields}
    prompt = next((name for name, text in texts.items() if text == example.prompt), None)
    completion = next((name for name, text in reversed(texts.items()) if text == example.completion), None)
    return {name: usual for name, usual in zip((prompt, completion), USUAL, strict=True) if name is not None}


def _examples(
    path: Path, first: Iterable[NumberedRow | UnreadableRow], rest: Rows, form: Format
) -> tuple[list[Example], list[Diagnostic]]:
    """Reads the rows; equal texts share one object, because system prompts would fill the memory."""
    read: list[Example] = []
    errors: list[Diagnostic] = []
    systems: dict[str, Mapping[str, str]] = {}
    for part in (first, rest):
        for row in part:
            example = row if isinstance(row, UnreadableRow) else _example(row, form)
            if isinstance(example, UnreadableRow):
                errors.append(Diagnostic(str(path), example.line, "", example.wrong))
            else:
                read.append(_shared(example, systems))
    return read, errors


def _example(row: NumberedRow, form: Format) -> Example | UnreadableRow:
    columns = _in_lower_case(row.columns)
    lacking = form.lacks(columns)
    if lacking:
        has = ", ".join(map(repr, row.columns)) or "no field"
        return UnreadableRow(row.line, f"the row lacks {' and '.join(map(repr, lacking))} (it has {has})")
    try:
        example = form.read(columns, row.line)
    except RowError as error:
        return UnreadableRow(row.line, error.wrong + (f" ({error.known})" if error.known else ""))
    if columns is row.columns:
        return example
    written = {name.lower(): name for name in row.columns if name not in columns}
    return replace(example, fields={written.get(name, name): value for name, value in example.fields.items()})


def read_again(file: ExampleFile, line: int, columns: dict[str, Any]) -> Example:
    """The example of a row of the file whose columns were changed; `UsageError` if it can no longer be read."""
    example = _example(NumberedRow(line, columns), FORMATS.get(file.format))
    if isinstance(example, UnreadableRow):
        raise UsageError(f"{file.path}:{line}: after the repair, {example.wrong}")
    return example


def _in_lower_case(columns: Row) -> Row:
    """The columns with names in lower case, so that formats recognise them; of equal names, each stays as it is."""
    if all(map(str.islower, columns)):
        return columns
    lowered = {name if name.lower() in columns else name.lower(): value for name, value in columns.items()}
    return lowered if len(lowered) == len(columns) else columns


def _shared(example: Example, systems: dict[str, Mapping[str, str]]) -> Example:
    first = example.messages[0]
    if first["role"] != "system" or len(systems) > 1_000:
        return example
    return Example(example.line, (systems.setdefault(first["content"], first), *example.messages[1:]), example.fields)


def _recognise(rows: Iterable[NumberedRow]) -> str | None:
    """The format that most rows have; of several, the first in the order of precedence."""
    counter = Counter(name for row in rows if (name := _format_of(row)) is not None)
    return max(counter, key=lambda name: (counter[name], -PRECEDENCE.index(name))) if counter else None


def _format_of(row: NumberedRow) -> str | None:
    columns = _in_lower_case(row.columns)
    return next((name for name in PRECEDENCE if not FORMATS.get(name).lacks(columns)), None)


def _unsupported(path: Path) -> str:
    suffix = path.suffix.lower()
    known = f"is not a supported kind of file (known: {', '.join(sorted(READERS))})"
    return f"{path.suffix or path.name!r} {known}" + (f"; {_ADVICE[suffix]}" if suffix in _ADVICE else "")


def _unknown(row: Row) -> str:
    columns = _in_lower_case(row)
    needs = "; ".join(
        f"{name} lacks {' and '.join(map(repr, FORMATS.get(name).lacks(columns)))}" for name in reversed(PRECEDENCE)
    )
    has = ", ".join(map(repr, row)) or "no field"
    return f"no format fits the row, which has {has} ({needs}); {_NAME_COLUMNS}"


def row_texts(file: ExampleFile) -> dict[int, bytes]:
    """Each readable row by its line, as JSON on one line: unchanged from JSON Lines, otherwise with all its columns.

    Columns that the file names otherwise become ``prompt`` and ``completion``.

    Raises `UsageError` if the file has changed since its examples were read.
    """
    content = _content(file)
    if file.path.suffix.lower() in JSON_LINES and file.columns is None:
        lines = content.split(b"\n")
        return {example.line: lines[example.line - 1].rstrip(b"\r") for example in file.examples}
    return {line: row_text(columns) for line, columns in _columns(file, content).items()}


def other_rows(file: ExampleFile) -> dict[int, bytes]:
    """The whole rows that the file's format can't read, by line, as `row_texts` has the others."""
    lines = {error.line for error in file.errors}
    content, suffix = (_content(file) if lines else b""), file.path.suffix.lower()
    written = content.split(b"\n") if suffix in JSON_LINES else None
    return {
        row.line: written[row.line - 1].rstrip(b"\r") if written else row_text(row.columns)
        for row in READERS[suffix](content)
        if isinstance(row, NumberedRow) and row.line in lines
    }


def row_columns(file: ExampleFile) -> dict[int, dict[str, Any]]:
    """Each readable row by its line, as columns; raises `UsageError` if the file has changed."""
    return _columns(file, _content(file))


def every_row(file: ExampleFile) -> Rows:
    """All rows as they are written, also those that the file's format cannot read; `UsageError` if it has changed."""
    return _rows(file, _content(file))


def _rows(file: ExampleFile, content: bytes) -> Rows:
    rows = READERS[file.path.suffix.lower()](content)
    return rows if file.columns is None else renamed(rows, file.columns)


def row_text(columns: Mapping[str, Any]) -> bytes:
    """A row as JSON on one line."""
    return json.dumps(columns, ensure_ascii=False).encode()


def joined_rows(rows: Iterable[bytes]) -> bytes:
    """A file of JSON Lines."""
    return b"".join(row + b"\n" for row in rows)


def _content(file: ExampleFile) -> bytes:
    content = read_named(file.path)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise UsageError(f"{file.path}: the file changed while it was read; run the command again")
    return as_utf8(content)


def _columns(file: ExampleFile, content: bytes) -> dict[int, dict[str, Any]]:
    known = {example.line for example in file.examples}
    rows = _rows(file, content)
    return {row.line: row.columns for row in rows if isinstance(row, NumberedRow) and row.line in known}
