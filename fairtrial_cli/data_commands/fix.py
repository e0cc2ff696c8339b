"""The command `fairtrial data fix`, which writes a cleaned copy of training rows, a log, and a file of suggestions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError
from fairtrial_cli.options import JSON, print_json
from fairtrial_cli.training_data import data_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluators.training_data.example_file import ExampleFile
    from evaluators.training_data.rewriting.fix import Fixed, FixOptions

SUGGESTED = (
    *("other-format", "dialect", "duplicates"),
    *("mojibake", "control-character", "html", "template-token", "list-as-text", "placeholder", "empty"),
    *("truncated", "unfinished", "echo", "refusal", "leaked", "near-duplicates", "pii"),
)
REPAIRS = ("unreadable", *SUGGESTED)
OUTCOME = "(broken lines are removed, whole rows stay)"


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--only", type=click.Choice(REPAIRS), multiple=True, help="Look only for these rows; may be repeated.")
@click.option("--apply", "apply_", type=click.Choice(SUGGESTED), multiple=True, help="Make this suggested repair, too.")
@click.option(
    "--pii",
    type=click.Choice(["mask", "drop", "keep"]),
    help="All personal and secret text: replace it by its kind, remove its row, or leave it.",
)
@click.option("--against", multiple=True, type=click.Path(path_type=Path), help="Held-out file; may be repeated.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Default: FILE.fixed.jsonl beside FILE.")
@click.option("--log", type=click.Path(path_type=Path), help="Default: FILE.fixed.log.jsonl beside FILE.")
@click.option("--review", type=click.Path(path_type=Path), help="Default: FILE.fixed.review.jsonl beside FILE.")
@data_files.PROMPT
@data_files.COMPLETION
@click.option("--dry-run", is_flag=True, help="Write nothing; only show what would change.")
@data_files.FORCE
@JSON
def command(
    file: Path,
    only: tuple[str, ...],
    apply_: tuple[str, ...],
    pii: str | None,
    against: tuple[Path, ...],
    output: Path | None,
    log: Path | None,
    review: Path | None,
    prompt: str | None,
    completion: str | None,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write a cleaned copy of FILE, with a log and suggestions.

    FILE is not changed. The log has each change. Without further options, it only removes broken lines (`unreadable`),
    and masks proven personal and secret text. Proof is a check digit or the form of a known secret, outside of code and
    identifiers. All else is suggested. The review file has each row before and after, which is null where it would be
    removed. --apply KIND then makes those of a kind. Each kind stands with its recall and its false alarms, as they
    were measured.

    These kinds change the row: `dialect` (usual roles and keys), `mojibake`, `control-character`, `html`,
    `template-token`, and `pii` (masks all personal text). These remove it: `other-format` (unreadable in the file's
    format), `duplicates`, `near-duplicates`, `empty`, `truncated`, `unfinished` (perhaps cut off), `echo`. And these:
    `refusal` (repeated, or rare in the file), `list-as-text`, `placeholder`, `leaked` (is in --against).

    \b
    Examples:  fairtrial data fix tickets.jsonl --dry-run
               fairtrial data fix tickets.jsonl --apply mojibake --apply near-duplicates
               fairtrial data fix tickets.jsonl --against validation.jsonl --against test.jsonl --apply leaked
               fairtrial data fix tickets.csv --apply duplicates --pii drop
               fairtrial data fix export.csv --prompt Ticket --completion Team
    """
    names = ((output, "fixed.jsonl"), (log, "fixed.log.jsonl"), (review, "fixed.review.jsonl"))
    paths = [path or data_files.beside(file, ending) for path, ending in names]
    if not dry_run:
        data_files.refuse_row_files(paths, sources=[file, *against], force=force)
    _refuse_contradiction(only, apply_, pii, against)
    columns = data_files.named_columns(prompt, completion)
    source = data_files.read_source(file, skip_unreadable=True, columns=columns, outcome=OUTCOME)
    held_out = tuple(data_files.read_source(path, skip_unreadable=True) for path in against)
    fixed = _fixed(source, _options(only, apply_, pii, held_out))
    if not dry_run:
        _write(fixed, paths)
    if as_json:
        return print_json(_plain(fixed, paths, dry_run=dry_run))
    return _show(fixed, paths, [source, *held_out], dry_run=dry_run)


def _options(
    only: tuple[str, ...], apply_: tuple[str, ...], pii: str | None, held_out: tuple[ExampleFile, ...]
) -> FixOptions:
    from evaluators.training_data.rewriting.fix import FixOptions

    repairs = frozenset((*only, *apply_) if only else REPAIRS) - ({"pii"} if pii == "keep" else set())
    applied = frozenset(apply_) | ({"pii"} if pii in ("mask", "drop") else set())
    return FixOptions(repairs, applied, "drop" if pii == "drop" else "mask", held_out)


def _refuse_contradiction(
    only: tuple[str, ...], apply_: tuple[str, ...], pii: str | None, against: Sequence[Path]
) -> None:
    if "leaked" in (*only, *apply_) and not against:
        raise UsageError("leaked: needs --against FILE, the held-out data")
    if "pii" in (*only, *apply_) and pii == "keep":
        raise UsageError("--pii keep leaves what --only or --apply pii looks for (leave out one of them)")
    if only and "pii" not in only and pii in ("mask", "drop"):
        raise UsageError(f"--pii {pii} needs --only pii, too, because --only looks for nothing else")


def _fixed(source: ExampleFile, options: FixOptions) -> Fixed:
    from evaluators.training_data.rewriting.fix import fix_examples
    from fairtrial_cli.output.terminal import step_progress

    with step_progress(f"fixing {source.path.name}") as on_progress:
        return fix_examples(source, options, on_progress)


def _write(fixed: Fixed, paths: Sequence[Path]) -> None:
    from evaluators.training_data.example_file import joined_rows
    from evaluators.training_data.rewriting.fix import change_lines, review_lines
    from fairtrial_cli.training_data.data_files import write_files

    written = (fixed.rows.values(), change_lines(fixed.changes), review_lines(fixed))
    write_files(dict(zip(paths, map(joined_rows, written), strict=True)))


def _plain(fixed: Fixed, paths: Sequence[Path], *, dry_run: bool) -> dict[str, Any]:
    from dataclasses import asdict

    written = None if dry_run else dict(zip(("file", "log", "review"), map(str, paths), strict=True))
    changes, suggestions = ([asdict(change) for change in part] for part in (fixed.changes, fixed.suggestions))
    remaining = [
        {"check": issue.check, "severity": issue.severity, "says": issue.says, "rows": list(issue.rows)}
        for issue in fixed.remaining
    ]
    counted = {"rows": len(fixed.rows), "counts": fixed.counts}
    return {**counted, "changes": changes, "suggestions": suggestions, "remaining": remaining, "written": written}


def _show(fixed: Fixed, paths: Sequence[Path], sources: Sequence[ExampleFile], *, dry_run: bool) -> None:
    from fairtrial.domain.wording import counted

    for what, count in fixed.counts.items():
        repair, action = what.split()
        click.echo(f"{action} {counted(count, 'row')}: {repair}{_measured(repair) if action == 'suggested' else ''}")
    if not fixed.counts:
        click.echo("There is nothing that this command repairs." if fixed.remaining else "Nothing to fix.")
    if dry_run:
        click.echo(f"{counted(len(fixed.rows), 'row')} would stay. Nothing was written.")
    else:
        click.echo(f"{paths[0]}: {counted(len(fixed.rows), 'row')}")
        click.echo(f"{paths[1]}: {counted(len(fixed.changes), 'change')}")
        hint = " (--apply KIND makes those of a kind)" if fixed.suggestions else ""
        click.echo(f"{paths[2]}: {counted(len(fixed.suggestions), 'suggestion')}{hint}")
    if fixed.remaining:
        _show_remaining(fixed, sources)


def _measured(repair: str) -> str:
    """How reliable the findings behind a repair are, in brackets; empty if that was not measured."""
    from evaluators.training_data.rewriting.fix import reliability_of_repair

    reliability = reliability_of_repair(repair)
    return "" if reliability is None else f" ({reliability.says})"


def _show_remaining(fixed: Fixed, sources: Sequence[ExampleFile]) -> None:
    """What an audit finds that no repair is for, and the command that shows it in full."""
    import shlex

    from fairtrial_cli.training_data.audit import lines_in_words

    click.echo("An audit also finds what this command does not repair:")
    for issue in fixed.remaining:
        kind = f" ({issue.details['kind']})" if "kind" in issue.details else ""
        click.echo(f"  {issue.severity:<8} {issue.check}{kind}: {lines_in_words(issue.rows) or issue.says}")
    source, *held_out = sources
    arguments = [str(source.path)]
    if source.columns:
        arguments += [f"--prompt={source.columns[0]}", f"--completion={source.columns[1]}"]
    arguments += [f"--validation={file.path}" for file in held_out]
    click.echo(f"It is shown by: fairtrial data audit {shlex.join(arguments)}")
