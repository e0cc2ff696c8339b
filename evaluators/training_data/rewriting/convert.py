"""Converts training examples to another format, and reports what that format has no place for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.training_data.example import DIALECT, FORMATS, Example, Format, RowError
from evaluators.training_data.example_file import ExampleFile, every_row, joined_rows, row_text
from evaluators.training_data.provider_rules.check import READABLE, Breach, file_breaches, layouts_of, row_breaches
from evaluators.training_data.provider_rules.rule import Provider, TrainingUpload
from evaluators.training_data.rows import NumberedRow

MISSING = object()
WRITABLE = "format"
"""The rule that a row has what its new format needs."""


@dataclass(frozen=True, slots=True)
class ConversionLoss:
    """What is lost: ``what``, and the lines of the rows that lose it."""

    what: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Conversion:
    """The rows in the new format with their former lines, what it could not carry, and the rows that it can't hold."""

    rows: tuple[NumberedRow, ...]
    losses: tuple[ConversionLoss, ...]
    refused: tuple[Breach, ...] = ()


def convert_examples(examples: Sequence[Example], name: str) -> Conversion:
    """The examples in the format with this name. Each row is read again, so that nothing is lost without a report."""
    form = FORMATS.get(name)
    rows: list[NumberedRow] = []
    lost: dict[str, list[int]] = {}
    refused: list[Breach] = []
    for example in examples:
        try:
            made = [_converted(part, form) for part in form.parts(example)]
        except RowError as error:
            refused.append(Breach(example.line, WRITABLE, error.wrong))
            continue
        for row, losses in made:
            rows.append(row)
            for what in losses:
                lines = lost.setdefault(what, [])
                lines += [example.line] if example.line not in lines[-1:] else []
    return Conversion(
        tuple(rows), tuple(ConversionLoss(what, tuple(lines)) for what, lines in lost.items()), tuple(refused)
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """The content to write, the number of its rows, and every rule that the rows or the file break.

    ``blocks``: whether that keeps the content from being written.
    """

    content: bytes
    rows: int
    breaches: tuple[Breach, ...]
    blocks: bool


def check_conversion(
    made: Conversion, provider: Provider | None, path: Path, *, skip_bad: bool, training: bool = True
) -> Checked:
    """Check what is about to be written to the path. With ``skip_bad``, rows that break a rule are left out."""
    breaches = [*made.refused, *(row_breaches(provider, made.rows) if provider else ())]
    bad = {breach.line for breach in breaches if breach.severity == "error"}
    rows = [row.columns for row in made.rows if not (skip_bad and row.line in bad)]
    content = joined_rows(map(row_text, rows))
    upload = TrainingUpload(path.suffix.lower(), len(content), len(rows))
    of_file = file_breaches(provider, upload, training=training) if provider else []
    blocks = bool(of_file) or not rows or (bool(bad) and not skip_bad)
    return Checked(content, len(rows), (*of_file, *sorted(breaches, key=lambda breach: breach.line)), blocks)


def unreadable(file: ExampleFile, provider: Provider | None) -> list[Breach]:
    """The rows of a file that its format cannot read, by the provider's rules where it knows their fields."""
    wrong = {error.line: error.wrong for error in file.errors}
    known = [row for row in every_row(file) if row.line in wrong and isinstance(row, NumberedRow)] if wrong else []
    judged = [row for row in known if provider is not None and layouts_of(provider, row.columns)]
    breaches = [breach for breach in row_breaches(provider, judged) if breach.severity == "error"] if provider else []
    unknown = wrong.keys() - {breach.line for breach in breaches}
    return [*breaches, *(Breach(line, READABLE, wrong[line]) for line in unknown)]


def _converted(example: Example, form: Format) -> tuple[NumberedRow, list[str]]:
    row = form.write(example)
    return NumberedRow(example.line, row), list(_differences(example, form.read(row, example.line)))


def _differences(before: Example, after: Example) -> Iterator[str]:
    if before.messages != after.messages:
        yield _message_loss(before, after)
    for name, value in before.fields.items():
        if name == "message_fields" and not (value := _beyond_dialect(value)):
            continue
        differences = after.fields.get(name, MISSING)
        if differences is MISSING:
            yield _field_loss(name, value)
        elif differences != value:
            yield f"the exact value of {name!r}"


def _beyond_dialect(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What messages have, without their roles as another dialect writes them."""
    usual = {at: {key: item for key, item in rest.items() if key not in DIALECT} for at, rest in fields.items()}
    return {at: rest for at, rest in usual.items() if rest}


def _message_loss(before: Example, after: Example) -> str:
    turns, kept = (
        sum(said["role"] not in ("system", "developer") for said in example.messages) for example in (before, after)
    )
    if turns > kept:
        return "the turns of the conversation: earlier messages become one prompt"
    if before.system and not after.system:
        return "the system prompt"
    if [said["role"] for said in before.messages] != [said["role"] for said in after.messages]:
        return "the roles of messages"
    return "the exact text of messages"


def _field_loss(name: str, value: Any) -> str:
    if name != "message_fields":
        return f"the field {name!r}"
    names = sorted({key for rest in value.values() for key in rest})
    if "content" in names:
        return "the messages of the user behind the completion"
    return f"the fields {', '.join(map(repr, names))} of messages"
