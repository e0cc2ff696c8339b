"""The command `fairtrial data split`, which holds out a share of the training rows."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial_cli.options import JSON, print_json
from fairtrial_cli.training_data import data_files

if TYPE_CHECKING:
    from evaluators.training_data.rewriting.split import RowSplit

SHARES = "10% to 20% is usual"


def _share(_: click.Context, __: click.Parameter, value: str) -> float:
    """A share such as ``15%`` or ``0.15``."""
    try:
        number = float(value.removesuffix("%").strip()) / (100 if value.endswith("%") else 1)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a share ({SHARES})") from error
    if not 0.01 <= number <= 0.5:
        raise click.BadParameter(f"{value!r} is not between 1% and 50% ({SHARES})")
    return number


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--share", default="15%", show_default=True, callback=_share, help=f"Share to hold out; {SHARES}.")
@click.option("--seed", default=0, show_default=True, help="Another seed holds out other rows.")
@click.option("--label", metavar="COLUMN", help="The classes: a column, a key of JSON completions, or 'completion'.")
@click.option("--group", metavar="COLUMN", help="Rows with the same value stay together. Default: 'thread', if any.")
@data_files.PROMPT
@data_files.COMPLETION
@click.option("--train", type=click.Path(path_type=Path), help="Default: FILE.train.jsonl beside FILE.")
@click.option("--holdout", type=click.Path(path_type=Path), help="Default: FILE.holdout.jsonl beside FILE.")
@data_files.SKIP_UNREADABLE
@data_files.FORCE
@JSON
def command(
    file: Path,
    share: float,
    seed: int,
    label: str | None,
    group: str | None,
    prompt: str | None,
    completion: str | None,
    train: Path | None,
    holdout: Path | None,
    skip_unreadable: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Hold out a share of FILE for validation. FILE itself is not changed.

    Each class keeps its share in both parts. Rows that repeat each other, or that belong to one thread, stay together,
    so that nothing leaks. The same rows and the same seed always give the same parts.

    FILE is JSON Lines, JSON, CSV or Parquet. Rows of JSON Lines are copied unchanged; other rows become JSON with their
    columns. Columns that --prompt and --completion name become `prompt` and `completion`.

    \b
    Examples:  fairtrial data split tickets.csv --label intent
               fairtrial data split chats.jsonl --share 20% --group customer
               fairtrial data split export.csv --prompt Ticket --completion Team
               fairtrial data split data.jsonl --train train.jsonl --holdout validation.jsonl
    """
    from evaluators.training_data.example_file import joined_rows, row_texts
    from evaluators.training_data.rewriting.split import SplitOptions, split_examples
    from fairtrial_cli.training_data.data_files import beside, refuse_row_files, write_files

    outputs = (train or beside(file, "train.jsonl"), holdout or beside(file, "holdout.jsonl"))
    refuse_row_files(outputs, sources=[file], force=force)
    columns = data_files.named_columns(prompt, completion)
    source = data_files.read_source(file, skip_unreadable=skip_unreadable, columns=columns)
    with data_files.show_busy("finding rows that belong together"):
        split = split_examples(source, SplitOptions(share, seed, label, group))
    texts = row_texts(source)
    parts = [[texts[source.examples[at].line] for at in part] for part in (split.train, split.holdout)]
    write_files({path: joined_rows(rows) for path, rows in zip(outputs, parts, strict=True)})
    print_json(_plain(split, outputs, skipped=len(source.errors))) if as_json else _show(split, outputs)


def _plain(split: RowSplit, outputs: tuple[Path, Path], *, skipped: int) -> dict[str, Any]:
    fields = {name: value for name, value in asdict(split).items() if name not in ("train", "holdout")}
    files = {
        name: {"file": str(path), "rows": len(rows)}
        for name, path, rows in zip(("train", "holdout"), outputs, (split.train, split.holdout), strict=True)
    }
    return {**files, **fields, "skipped": skipped}


def _show(split: RowSplit, outputs: tuple[Path, Path]) -> None:
    from rich.console import Console
    from rich.text import Text

    from fairtrial.domain.wording import counted
    from fairtrial_cli.output.terminal import columns, print_table

    console = Console()
    total = len(split.train) + len(split.holdout)
    for path, rows in zip(outputs, (split.train, split.holdout), strict=True):
        console.print(Text(f"{path}: {counted(len(rows), 'row')} ({len(rows) / total:.1%})"), soft_wrap=True)
    if split.groups:
        kept = f"{counted(split.groups, 'group')} of similar rows"
        by = f" and rows with the same {split.group!r}" if split.group else ""
        console.print(Text(f"{kept}{by} stay together; the largest has {counted(split.largest, 'row')}."))
    if split.label is None:
        console.print("Not stratified: no column has few enough values. Name one with --label.")
        return
    numbers = ("rows", "held out", "share")
    cells = [
        (class_.value, f"{class_.rows:,}", f"{class_.held_out:,}", f"{class_.held_out / class_.rows:.1%}")
        for class_ in split.classes
    ]
    print_table(console, columns(split.label, *numbers, numbers=numbers), cells)
    missing = [class_.value for class_ in split.classes if not class_.held_out]
    if missing:
        sentence = f"Nothing is held out of {counted(len(missing), 'class', 'classes')}: {', '.join(missing[:5])}."
        console.print(Text(sentence), soft_wrap=True)
