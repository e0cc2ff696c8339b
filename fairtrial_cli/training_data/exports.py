"""Converts files of training rows, and exports those of a closed review, with what is lost or left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evaluators.training_data.example import Example
from evaluators.training_data.example_file import ExampleFile, joined_rows, read_examples, row_text
from evaluators.training_data.provider_rules.check import Breach
from evaluators.training_data.provider_rules.rule import PROVIDERS, Provider
from evaluators.training_data.rewriting.convert import (
    Checked,
    ConversionLoss,
    check_conversion,
    convert_examples,
    unreadable,
)
from evaluators.training_data.rewriting.split import SplitOptions, split_examples
from fairtrial.domain.errors import UsageError
from fairtrial.domain.wording import counted
from fairtrial_cli.options import print_json
from fairtrial_cli.training_data.data_files import beside, named_columns, read_source, refuse_existing, write_files

if TYPE_CHECKING:
    from evaluators.review.training_rows import TrainingRows


MOST_LINES = 5
MOST_LISTED = 50
"""Rows that are listed with the rules that they break; JSON has all."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns with the prompt and the completion, both or neither, and the system prompt of rows without one."""

    prompt: str | None = None
    completion: str | None = None
    system: str | None = None


@dataclass(frozen=True, slots=True)
class ConversionOptions:
    """What is asked for: the format, the provider, and what keeps the file from being written."""

    target: str
    provider: str | None = None
    held_out: bool = False
    skip_bad: bool = False
    skip_unreadable: bool = False
    strict: bool = False

    @property
    def rules(self) -> Provider | None:
        """The provider that is named, or that the format is for."""
        name = self.provider or self.target.partition("-")[0]
        return PROVIDERS.get(name) if name in PROVIDERS.names() else None


@dataclass(frozen=True, slots=True)
class ConvertedFile:
    """A converted file: the name of its former format, what is lost, and what breaks a rule."""

    form: str
    losses: tuple[ConversionLoss, ...]
    checked: Checked
    refused: bool


def convert_file(file: Path, path: Path, columns: Columns, options: ConversionOptions) -> ConvertedFile:
    """Convert the rows and check them by the provider's rules; raises `UsageError` and `ConfigError`."""
    if options.provider and options.target in PROVIDERS.names() and options.provider != options.target:
        raise UsageError(f"--to {options.target} is checked by its own rules, not by --for {options.provider}")
    names = named_columns(columns.prompt, columns.completion)
    rules = options.rules
    source = _source(file, names, options)
    examples = [_with_system(example, columns.system) for example in source.examples]
    made = convert_examples(examples, options.target)
    if source.errors and not options.skip_unreadable:
        made = replace(made, refused=(*made.refused, *unreadable(source, rules)))
    checked = check_conversion(made, rules, path, skip_bad=options.skip_bad, training=not options.held_out)
    strict = options.strict and bool(made.losses or checked.breaches)
    form = source.format if names is None else "columns"
    return ConvertedFile(form, made.losses, checked, checked.blocks or strict)


def _source(file: Path, names: tuple[str, str] | None, options: ConversionOptions) -> ExampleFile:
    """The examples. Rows that can't be read are an error here only if no rule lists them later."""
    if options.skip_unreadable or (options.rules is None and not options.skip_bad):
        return read_source(file, skip_unreadable=options.skip_unreadable, columns=names)
    return read_examples(file, columns=names)


def _with_system(example: Example, system: str | None) -> Example:
    if example.system or not system:
        return example
    return replace(example, messages=({"role": "system", "content": system}, *example.messages))


def show_conversion(done: ConvertedFile, path: Path, options: ConversionOptions, *, as_json: bool) -> None:
    """Print what is lost, what breaks a rule, and what was written."""
    checked, title = done.checked, options.rules.title if options.rules else None
    if as_json:
        losses = [{"what": loss.what, "rows": len(loss.lines), "lines": list(loss.lines)} for loss in done.losses]
        file_row = None if done.refused else {"file": str(path), "rows": checked.rows}
        breaches = [asdict(breach) for breach in checked.breaches]
        shown = {"from": done.form, "to": options.target, "for": title, "written": file_row}
        print_json({**shown, "losses": losses, "breaches": breaches})
        return
    _show_losses(done.losses, options.target)
    _show_breaches(checked.breaches)
    left_out = len({breach.line for breach in checked.breaches if breach.severity == "error" and breach.line})
    skipped = f", {counted(left_out, 'row')} left out" if left_out else ""
    advice = " (--skip-bad leaves out the rows with errors)" if left_out and not options.skip_bad else ""
    written = f"{path}: {checked.rows:,} rows, {done.form} → {options.target}{skipped}"
    click.echo(f"Nothing was written.{advice}" if done.refused else written)


def _show_losses(losses: Iterable[ConversionLoss], target: str) -> None:
    for loss in losses:
        noun = "row loses" if len(loss.lines) == 1 else "rows lose"
        click.echo(
            f"{target} has no place for {loss.what}: {len(loss.lines):,} {noun} it (lines {_some(loss.lines)})",
            err=True,
        )


def _show_breaches(breaches: tuple[Breach, ...]) -> None:
    """Print each broken rule; rows that break it with the same words share a line."""
    lines: dict[tuple[str, str, str], list[int]] = {}
    for breach in breaches:
        lines.setdefault((breach.severity, breach.rule, breach.wrong), []).append(breach.line)
    for (severity, rule, wrong), numbers in [*lines.items()][:MOST_LISTED]:
        click.echo(f"{severity}: {_lines(numbers)}{rule}: {wrong}", err=True)
    if len(lines) > MOST_LISTED:
        click.echo(f"and {len(lines) - MOST_LISTED:,} more (--json lists all)", err=True)


def _lines(numbers: Sequence[int]) -> str:
    """The lines of rows, at most a few of them; empty for a rule about the file."""
    if len(numbers) == 1:
        return f"line {numbers[0]}: " if numbers[0] else ""
    return f"{counted(len(numbers), 'row')} (lines {_some(numbers)}): "


def _some(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:MOST_LINES])) + (", …" if len(numbers) > MOST_LINES else "")


HOLDOUT = "holdout.jsonl"


@dataclass(frozen=True, slots=True)
class ExportFiles:
    """``rows``: the file of the rows, ``None`` for standard output. ``left_out``: that of the pairs left out."""

    rows: Path | None
    left_out: Path | None = None
    split_by: str | None = None
    share: float = 0.15

    @property
    def holdout(self) -> Path | None:
        return None if self.rows is None or self.split_by is None else beside(self.rows, HOLDOUT)

    def refuse_wrong(self) -> None:
        """Raise `UsageError` before anything is read."""
        if self.split_by is not None and self.rows is None:
            raise UsageError("--split-by: name the file of the rows with --out; the held-out ones go beside it")
        paths = (self.rows, self.holdout, self.left_out)
        refuse_existing([path for path in paths if path is not None], sources=(), force=True)


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file with its number of rows."""

    file: str
    rows: int


def write_rows(files: ExportFiles, exported: TrainingRows) -> list[WrittenFile]:
    """Write all files or none; returns the name of each and its number of rows. No rows make no file of rows."""
    contents: dict[Path, Sequence[Mapping[str, Any]]] = {}
    if files.rows is not None and exported.rows:
        held_out = files.holdout
        parts = [exported.rows] if held_out is None else _split(exported, files)
        contents |= dict(zip((files.rows, held_out or files.rows), parts, strict=False))
    if files.left_out is not None:
        contents[files.left_out] = [asdict(pair) for pair in exported.left_out]
    write_files({path: lines_of(rows) for path, rows in contents.items()})
    return [WrittenFile(str(path), len(rows)) for path, rows in contents.items()]


def _split(rows: TrainingRows, files: ExportFiles) -> list[list[dict[str, Any]]]:
    """The training rows and the held-out ones, by the split of `fairtrial data split`."""
    column = str(files.split_by)
    groups = [pair.unit if column == "unit" else pair.cluster for pair in rows.pairs]
    if not any(groups):
        raise UsageError(
            f"--split-by {column}: no pair has one, because the suite is not from recorded traffic (use cluster)"
        )
    examples = tuple(
        Example(line, _messages(row), {column: group or pair.cluster})
        for line, (row, group, pair) in enumerate(zip(rows.rows, groups, rows.pairs, strict=True), 1)
    )
    source = ExampleFile(Path(str(files.rows)), "", "chat", examples)
    split = split_examples(source, SplitOptions(files.share, 0, group=column))
    return [[rows.rows[at] for at in part] for part in (split.train, split.holdout)]


def _messages(row: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
    if "messages" in row:
        return tuple(row["messages"])
    return (*row["prompt"], *(row["chosen"] if "chosen" in row else row["completion"]))


def lines_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """JSON Lines."""

    return joined_rows(map(row_text, rows))


def print_left_out(exported: TrainingRows, *, pairs: int) -> None:
    """Print the reasons with the number of pairs, and what was masked, on standard error."""
    from rich.console import Console
    from rich.text import Text

    from fairtrial_cli.output.terminal import columns, print_table

    console = Console(stderr=True)
    console.print(Text(f"{pairs - len(exported.left_out)} of {counted(pairs, 'pair')} are used."), soft_wrap=True)
    cells = [(reason, str(count)) for reason, count in exported.reasons.items()]
    print_table(console, columns("left out because", "pairs", numbers=("pairs",)), cells)
    if exported.masked:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in sorted(exported.masked.items()))
        console.print(Text(f"masked: {kinds}"), soft_wrap=True)
