"""The command `fairtrial data convert`, which writes training rows in another format."""

from pathlib import Path

import click

from fairtrial_cli.options import JSON
from fairtrial_cli.training_data.data_files import COMPLETION, FOR, FORCE, PROMPT, SKIP_UNREADABLE, show_busy

FORMATS = (
    "completion", "chat", "alpaca", "sharegpt", "openai", "together", "fireworks", "trl",
    "preference", "trl-dpo", "trl-kto",
)  # fmt: skip


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Choice(FORMATS), required=True, help="The format to write.")
@FOR
@click.option("--held-out", is_flag=True, help="FILE is for validation: no least number of rows holds for it.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Default: FILE.FORMAT.jsonl beside FILE.")
@PROMPT
@COMPLETION
@click.option("--system", metavar="TEXT", help="A system prompt for rows that have none.")
@click.option("--strict", is_flag=True, help="Write nothing and exit with 1 if something is lost or only suggested.")
@click.option("--skip-bad", is_flag=True, help="Leave out rows that the provider or the format refuses, and list them.")
@SKIP_UNREADABLE
@FORCE
@JSON
def command(
    file: Path,
    target: str,
    provider: str | None,
    held_out: bool,
    output: Path | None,
    prompt: str | None,
    completion: str | None,
    system: str | None,
    strict: bool,
    skip_bad: bool,
    skip_unreadable: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write the rows of FILE in another format, as JSON Lines. FILE itself is not changed.

    FILE is JSON Lines, JSON, CSV or Parquet, in any of these formats; its fields say which. `completion` has the fields
    {prompt, completion}. `chat` has {messages} and keeps other columns under `metadata`. `openai`, `together`,
    `fireworks` and `trl` have the fields that these accept, and no others. `preference` has pairs of answers for the
    same providers, `trl-dpo` and `trl-kto` for TRL.

    The rows are checked by the rules of the provider that the format names, or that --for names. If a row or the file
    breaks one, nothing is written, and the exit code is 1. What the new format has no place for is listed.

    \b
    Examples:  fairtrial data convert tickets.csv --to openai
               fairtrial data convert export.csv --prompt Ticket --completion Category --to chat
               fairtrial data convert pairs.jsonl --to preference --for together --skip-bad
    """
    from fairtrial_cli.training_data.data_files import beside, refuse_row_files, write_files
    from fairtrial_cli.training_data.exports import Columns, ConversionOptions, convert_file, show_conversion

    path = output or beside(file, f"{target}.jsonl")
    refuse_row_files([path], sources=[file], force=force)
    options = ConversionOptions(target, provider, held_out, skip_bad, skip_unreadable, strict)
    with show_busy(f"converting {file.name}"):
        done = convert_file(file, path, Columns(prompt, completion, system), options)
    if not done.refused:
        write_files({path: done.checked.content})
    show_conversion(done, path, options, as_json=as_json)
    if done.refused:
        raise SystemExit(1)
