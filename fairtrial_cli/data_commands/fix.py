"""The command `fairtrial data fix`, which writes a cleaned copy of training rows, a log, and a list to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial_cli.options import JSON, print_json
from fairtrial_cli.training_data.data_files import COMPLETION, FORCE, PROMPT, named_columns, read_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluators.training_data.example_file import ExampleFile
    from evaluators.training_data.rewriting.fix import Fixed, FixOptions, Repair

LISTED: tuple[Repair, ...] = ("empty", "truncated", "echo", "leaked", "near-duplicates")
REPAIRS: tuple[Repair, ...] = ("unreadable", "duplicates", *LISTED, "pii")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--only", type=click.Choice(REPAIRS), multiple=True, help="Look only for these rows; may be repeated.")
@click.option("--remove", type=click.Choice(LISTED), multiple=True, help="Remove these rows, too; may be repeated.")
@click.option(
    "--pii",
    type=click.Choice(["mask", "drop", "keep"]),
    default="mask",
    show_default=True,
    help="Personal and secret text: replace it by its kind, remove its row, or leave it.",
)
@click.option("--against", multiple=True, type=click.Path(path_type=Path), help="Held-out file; may be repeated.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Default: FILE.fixed.jsonl beside FILE.")
@click.option("--log", type=click.Path(path_type=Path), help="Default: FILE.fixed.log.jsonl beside FILE.")
@click.option("--list", "list_", type=click.Path(path_type=Path), help="Default: FILE.fixed.list.jsonl beside FILE.")
@PROMPT
@COMPLETION
@click.option("--dry-run", is_flag=True, help="Write nothing; only show what would change.")
@FORCE
@JSON
def command(
    file: Path,
    only: tuple[Repair, ...],
    remove: tuple[Repair, ...],
    pii: str,
    against: tuple[Path, ...],
    output: Path | None,
    log: Path | None,
    list_: Path | None,
    prompt: str | None,
    completion: str | None,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write a cleaned copy of FILE, a log of each change, and a list of rows to look at. FILE is not changed.

    Only rows that are surely wrong are removed: `unreadable` ones, and `duplicates` that equal an earlier row in every
    column. Personal and secret text (`pii`) is masked. Other rows that an audit finds stay and are listed: `empty`,
    `truncated`, `echo` (they repeat their prompt), `leaked` from held-out data (--against), and `near-duplicates`.
    Look at the list; then --remove KIND removes the rows of a kind. Contradicting labels and wrong patterns need a
    person, so `fairtrial data audit` shows them.

    \b
    Examples:  fairtrial data fix tickets.jsonl --dry-run
               fairtrial data fix tickets.jsonl --remove empty --remove near-duplicates
               fairtrial data fix tickets.jsonl --against validation.jsonl --against test.jsonl --remove leaked
               fairtrial data fix tickets.csv --only duplicates --only pii --pii drop
               fairtrial data fix export.csv --prompt Ticket --completion Team
    """
    from evaluators.training_data.rewriting.fix import FixOptions
    from fairtrial.domain.errors import UsageError
    from fairtrial_cli.training_data.data_files import beside, refuse_existing

    names = ((output, "fixed.jsonl"), (log, "fixed.log.jsonl"), (list_, "fixed.list.jsonl"))
    paths = [path or beside(file, ending) for path, ending in names]
    if not dry_run:
        refuse_existing(paths, sources=[file, *against], force=force)
    repairs = frozenset((*only, *remove) if only else REPAIRS) - ({"pii"} if pii == "keep" else set())
    columns = named_columns(prompt, completion)
    if "leaked" in (*only, *remove) and not against:
        raise UsageError("leaked: needs --against FILE, the held-out data")
    source = read_source(file, skip_unreadable="unreadable" in repairs, columns=columns)
    held_out = tuple(read_source(path, skip_unreadable=True) for path in against)
    found = _fixed(source, FixOptions(repairs, frozenset(remove), "drop" if pii == "drop" else "mask", held_out))
    if not dry_run:
        _write(found, paths)
    if as_json:
        return print_json(_plain(found, paths, dry_run=dry_run))
    return _show(found, paths, dry_run=dry_run)


def _fixed(source: ExampleFile, options: FixOptions) -> Fixed:
    from evaluators.training_data.rewriting.fix import fix_examples
    from fairtrial_cli.output.progress import step_progress

    with step_progress(f"fixing {source.path.name}") as on_progress:
        return fix_examples(source, options, on_progress)


def _write(found: Fixed, paths: Sequence[Path]) -> None:
    from evaluators.training_data.example_file import joined_rows
    from evaluators.training_data.rewriting.fix import change_lines, listed_lines
    from fairtrial_cli.training_data.data_files import write_files

    written = (found.rows.values(), change_lines(found.changes), listed_lines(found))
    write_files(dict(zip(paths, map(joined_rows, written), strict=True)))


def _plain(found: Fixed, paths: Sequence[Path], *, dry_run: bool) -> dict[str, Any]:
    from dataclasses import asdict

    written = None if dry_run else dict(zip(("file", "log", "list"), map(str, paths), strict=True))
    changes, listed = ([asdict(one) for one in some] for some in (found.changes, found.listed))
    return {
        "rows": len(found.rows), "counts": found.counts, "changes": changes, "listed": listed, "written": written,
    }  # fmt: skip


def _show(found: Fixed, paths: Sequence[Path], *, dry_run: bool) -> None:
    from fairtrial.domain.wording import counted

    for what, count in found.counts.items():
        repair, action = what.split()
        click.echo(f"{action} {counted(count, 'row')}: {repair}")
    if not found.counts:
        click.echo("Nothing to fix.")
    if dry_run:
        click.echo(f"{counted(len(found.rows), 'row')} would stay. Nothing was written.")
        return
    click.echo(f"{paths[0]}: {counted(len(found.rows), 'row')}")
    click.echo(f"{paths[1]}: {counted(len(found.changes), 'change')}")
    removal = " (--remove KIND removes those of a kind)" if found.listed else ""
    click.echo(f"{paths[2]}: {counted(len(found.listed), 'row')} to look at{removal}")
