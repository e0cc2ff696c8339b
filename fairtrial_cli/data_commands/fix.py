"""The command `fairtrial data fix`, which writes a cleaned copy of training rows and a log of each change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial_cli.training_data.options import COMPLETION, FORCE, JSON, PROMPT, named_columns, print_json, read_source

if TYPE_CHECKING:
    from evaluators.training_data.example_file import ExampleFile
    from evaluators.training_data.rewriting.fix import Fixed, FixOptions, Repair

REPAIRS: tuple[Repair, ...] = ("unreadable", "empty", "truncated", "echo", "leaked", "duplicates", "pii")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--only", type=click.Choice(REPAIRS), multiple=True, help="Apply only this repair; may be repeated.")
@click.option(
    "--pii",
    type=click.Choice(["mask", "drop", "keep"]),
    default="mask",
    show_default=True,
    help="Personal and secret text: replace it by its kind, remove its row, or leave it.",
)
@click.option(
    "--exact", is_flag=True, help="Keep near repetitions; only case and punctuation may differ in duplicates."
)
@click.option("--against", multiple=True, type=click.Path(path_type=Path), help="Held-out file; may be repeated.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Default: FILE.fixed.jsonl beside FILE.")
@click.option("--log", type=click.Path(path_type=Path), help="Default: FILE.fixed.log.jsonl beside FILE.")
@PROMPT
@COMPLETION
@click.option("--dry-run", is_flag=True, help="Write nothing; only show what would change.")
@FORCE
@JSON
def command(
    file: Path,
    only: tuple[Repair, ...],
    pii: str,
    exact: bool,
    against: tuple[Path, ...],
    output: Path | None,
    log: Path | None,
    prompt: str | None,
    completion: str | None,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write a cleaned copy of FILE, and a log with the line and the reason of each change. FILE is not changed.

    Repairs: `unreadable`, `empty` and `truncated` rows are removed. So are rows that repeat their prompt (`echo`), that
    are `leaked` from held-out data (--against), and `duplicates` of an earlier row. Personal and secret text (`pii`) is
    masked. Contradicting labels and wrong patterns need a person, so they stay; `fairtrial data audit` shows them.

    \b
    Examples:  fairtrial data fix tickets.jsonl --dry-run
               fairtrial data fix tickets.jsonl --against validation.jsonl --against suites/test.jsonl
               fairtrial data fix tickets.csv --only duplicates --only pii --pii drop
               fairtrial data fix export.csv --prompt Ticket --completion Team
    """
    from evaluators.training_data.rewriting.fix import FixOptions, change_lines
    from evaluators.training_data.rewriting.source_rows import joined_rows
    from fairtrial.domain.errors import UsageError
    from fairtrial_cli.training_data.written_files import beside, refuse_existing, write_files

    paths = (output or beside(file, "fixed.jsonl"), log or beside(file, "fixed.log.jsonl"))
    if not dry_run:
        refuse_existing(paths, sources=[file, *against], force=force)
    repairs = frozenset(one for one in only or REPAIRS if one != "pii" or pii != "keep")
    columns = named_columns(prompt, completion)
    if repairs == {"leaked"} and not against:
        raise UsageError("--only leaked needs --against FILE, the held-out data")
    source = read_source(file, skip_unreadable="unreadable" in repairs, columns=columns)
    held_out = tuple(read_source(path, skip_unreadable=True) for path in against)
    found = _fixed(source, FixOptions(repairs, "drop" if pii == "drop" else "mask", not exact, held_out))
    if not dry_run:
        write_files({paths[0]: joined_rows(found.rows), paths[1]: joined_rows(change_lines(found.changes))})
    if as_json:
        return print_json(_plain(found, paths, dry_run=dry_run))
    return _show(found, paths, dry_run=dry_run)


def _fixed(source: ExampleFile, options: FixOptions) -> Fixed:
    from evaluators.training_data.rewriting.fix import fix_examples
    from fairtrial_cli.output.progress import step_progress

    with step_progress(f"fixing {source.path.name}") as on_progress:
        return fix_examples(source, options, on_progress)


def _plain(found: Fixed, paths: tuple[Path, Path], *, dry_run: bool) -> dict[str, Any]:
    from dataclasses import asdict

    written = None if dry_run else {"file": str(paths[0]), "log": str(paths[1])}
    changes = [asdict(one) for one in found.changes]
    return {"rows": len(found.rows), "counts": found.counts, "changes": changes, "written": written}


def _show(found: Fixed, paths: tuple[Path, Path], *, dry_run: bool) -> None:
    from fairtrial.domain.plurals import counted

    for what, count in found.counts.items():
        repair, action = what.split()
        click.echo(f"{action} {counted(count, 'row')}: {repair}")
    if not found.changes:
        click.echo("Nothing to fix.")
    if dry_run:
        click.echo(f"{counted(len(found.rows), 'row')} would stay. Nothing was written.")
        return
    click.echo(f"{paths[0]}: {counted(len(found.rows), 'row')}")
    click.echo(f"{paths[1]}: {counted(len(found.changes), 'change')}")
