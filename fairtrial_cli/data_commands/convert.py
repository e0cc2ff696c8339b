"""The command `fairtrial data convert`, which writes training rows in another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial_cli.options import JSON, print_json
from fairtrial_cli.training_data.data_files import COMPLETION, FORCE, PROMPT, SKIP_UNREADABLE, show_busy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluators.training_data.rewriting.convert import Loss

FORMATS = ("completion", "chat", "alpaca", "sharegpt", "openai", "together", "fireworks")
MOST_LINES = 5


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Choice(FORMATS), required=True, help="The format to write.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Default: FILE.FORMAT.jsonl beside FILE.")
@PROMPT
@COMPLETION
@click.option("--system", metavar="TEXT", help="A system prompt for rows that have none.")
@click.option("--strict", is_flag=True, help="Write nothing and exit with 1 if the format can't carry everything.")
@SKIP_UNREADABLE
@FORCE
@JSON
def command(
    file: Path,
    target: str,
    output: Path | None,
    prompt: str | None,
    completion: str | None,
    system: str | None,
    strict: bool,
    skip_unreadable: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write the rows of FILE in another format, as JSON Lines. FILE itself is not changed.

    FILE is JSON Lines, JSON, CSV or Parquet, in any of these formats; its fields say which. `completion` has the fields
    {prompt, completion}. `chat` has {messages} and keeps other columns under `metadata`. `openai`, `together` and
    `fireworks` have the fields that these providers accept, and no others.

    What the new format has no place for is listed.

    \b
    Examples:  fairtrial data convert tickets.csv --to openai
               fairtrial data convert export.csv --prompt Ticket --completion Category --to chat
               fairtrial data convert alpaca.json --to sharegpt -o chats.jsonl
    """
    from evaluators.training_data.example_file import joined_rows, row_text
    from evaluators.training_data.rewriting.convert import convert_examples
    from fairtrial_cli.training_data.data_files import Columns, beside, read_columns, refuse_existing, write_files

    path = output or beside(file, f"{target}.jsonl")
    refuse_existing([path], sources=[file], force=force)
    examples, form = read_columns(file, Columns(prompt, completion, system), skip_unreadable=skip_unreadable)
    with show_busy(f"converting {file.name}"):
        made = convert_examples(examples, target)
    refused = strict and bool(made.losses)
    if not refused:
        write_files({path: joined_rows(map(row_text, made.rows))})
    if as_json:
        losses = [{"what": one.what, "rows": len(one.lines), "lines": list(one.lines)} for one in made.losses]
        file_row = None if refused else {"file": str(path), "rows": len(made.rows)}
        print_json({"from": form, "to": target, "written": file_row, "losses": losses})
    else:
        _show_losses(made.losses, target)
        click.echo("Nothing was written." if refused else f"{path}: {len(made.rows):,} rows, {form} → {target}")
    if refused:
        raise SystemExit(1)


def _show_losses(losses: Sequence[Loss], target: str) -> None:
    for one in losses:
        lines = ", ".join(map(str, one.lines[:MOST_LINES])) + (", …" if len(one.lines) > MOST_LINES else "")
        noun = "row loses" if len(one.lines) == 1 else "rows lose"
        click.echo(f"{target} has no place for {one.what}: {len(one.lines):,} {noun} it (lines {lines})", err=True)
