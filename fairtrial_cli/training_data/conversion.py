"""Converts a file of training rows for `fairtrial data convert`, and prints what is lost and which rows are refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click

from evaluators.training_data.example import Example
from evaluators.training_data.example_file import ExampleFile, read_examples
from evaluators.training_data.provider_rules.check import Breach
from evaluators.training_data.provider_rules.rule import PROVIDERS, Provider
from evaluators.training_data.rewriting.convert import Checked, Loss, check_conversion, convert_examples, unreadable
from fairtrial.domain.errors import UsageError
from fairtrial.domain.wording import counted
from fairtrial_cli.options import print_json
from fairtrial_cli.training_data.data_files import named_columns, read_source

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
class Converted:
    """A converted file: the name of its former format, what is lost, and what breaks a rule."""

    form: str
    losses: tuple[Loss, ...]
    checked: Checked
    refused: bool


def convert_file(file: Path, path: Path, columns: Columns, options: ConversionOptions) -> Converted:
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
    return Converted(form, made.losses, checked, checked.blocks or strict)


def _source(file: Path, names: tuple[str, str] | None, options: ConversionOptions) -> ExampleFile:
    """The examples. Rows that can't be read are an error here only if no rule lists them later."""
    if options.skip_unreadable or (options.rules is None and not options.skip_bad):
        return read_source(file, skip_unreadable=options.skip_unreadable, columns=names)
    return read_examples(file, columns=names)


def _with_system(example: Example, system: str | None) -> Example:
    if example.system or not system:
        return example
    return replace(example, messages=({"role": "system", "content": system}, *example.messages))


def show_conversion(done: Converted, path: Path, options: ConversionOptions, *, as_json: bool) -> None:
    """Print what is lost, what breaks a rule, and what was written."""
    checked, title = done.checked, options.rules.title if options.rules else None
    if as_json:
        losses = [{"what": one.what, "rows": len(one.lines), "lines": list(one.lines)} for one in done.losses]
        file_row = None if done.refused else {"file": str(path), "rows": checked.rows}
        breaches = [asdict(breach) for breach in checked.breaches]
        shown = {"from": done.form, "to": options.target, "for": title, "written": file_row}
        print_json({**shown, "losses": losses, "breaches": breaches})
        return
    _show_losses(done.losses, options.target)
    _show_breaches(checked.breaches)
    left_out = len({one.line for one in checked.breaches if one.severity == "error" and one.line})
    skipped = f", {counted(left_out, 'row')} left out" if left_out else ""
    advice = " (--skip-bad leaves out the rows with errors)" if left_out and not options.skip_bad else ""
    written = f"{path}: {checked.rows:,} rows, {done.form} → {options.target}{skipped}"
    click.echo(f"Nothing was written.{advice}" if done.refused else written)


def _show_losses(losses: Iterable[Loss], target: str) -> None:
    for one in losses:
        noun = "row loses" if len(one.lines) == 1 else "rows lose"
        click.echo(
            f"{target} has no place for {one.what}: {len(one.lines):,} {noun} it (lines {_some(one.lines)})", err=True
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
