"""The command `fairtrial import`, which turns evaluations of other tools into suites, gates and rows."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial.domain.errors import UsageError
from fairtrial_cli.options import JSON, WrittenPath, print_indented

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluators.imports.imported import ImportedSuite

SOURCES = ("csv", "jsonl", "openai-evals", "parquet", "promptfoo")
MOST_LINES = 60
DIFFERENT = 1
"""The exit code if the folder has other files of these names, and nothing was written."""


@click.command()
@click.argument("source", type=click.Choice(SOURCES))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--to", "folder", required=True, type=WrittenPath(file_okay=False), help="The folder.")
@click.option("--map", "pairs", multiple=True, help="THEIRS=OURS names a column: input, expected, id; repeatable.")
@click.option("--overwrite", is_flag=True, help="Replace files that differ.")
@JSON
def command(
    source: str, files: tuple[Path, ...], folder: Path, pairs: tuple[str, ...], *, overwrite: bool, as_json: bool
) -> None:
    """Import evaluations of other tools as suites with a gate.

    The report import.md lists each criterion of the original. Equal: the scores are the original's. Near: they differ
    as the note says. Missing: there is no counterpart, and the original's text is kept. Nothing that a file contains is
    executed; code becomes a stub of an own scorer.

    The source openai-evals takes evals, runs and output items of OpenAI's platform as JSON. It also takes YAML of the
    open-source registry with its samples. The source promptfoo takes a configuration. The sources csv, jsonl and
    parquet take rows with any column names.

    A second import into the same folder shows what would change, and writes it only with --overwrite.

    \b
    Examples:  fairtrial import openai-evals eval.json run.json output_items.jsonl --to suites/support
               fairtrial import promptfoo promptfooconfig.yaml --to suites/mine
               fairtrial import csv answers.csv --map Question=input --map Answer=expected --to suites/mine
    """
    from evaluators.imports import files as imports
    from evaluators.imports.imported import SOURCES as KNOWN

    suites = KNOWN.get(source).read(files, _columns(pairs))
    written = imports.files_of(suites)
    imports.check(suites, written)
    difference = imports.changed(written, folder)
    if difference and not overwrite:
        click.echo("\n".join(difference[:MOST_LINES]))
        if len(difference) > MOST_LINES:
            click.echo(f"… {len(difference) - MOST_LINES:,} more lines")
        click.echo(f"{folder} has other files of these names. Nothing was written; add --overwrite.", err=True)
        sys.exit(DIFFERENT)
    imports.write(written, folder)
    print_indented(imports.as_json(suites)) if as_json else _print(suites, folder)


def _columns(pairs: Sequence[str]) -> Mapping[str, str]:
    columns = {}
    for pair in pairs:
        theirs, equals, ours = pair.partition("=")
        if not (equals and theirs and ours):
            raise UsageError(f"--map {pair}: write THEIRS=OURS, such as --map Question=input")
        columns[theirs] = ours
    return columns


def _print(suites: Sequence[ImportedSuite], folder: Path) -> None:
    from rich.console import Console
    from rich.text import Text

    from evaluators.criteria.content_lines import ADVICE
    from evaluators.imports.files import REPORT, summary
    from evaluators.imports.imported import OUTCOMES
    from fairtrial_cli.output.terminal import columns, print_table

    console = Console()
    for suite in suites:
        console.print(Text(f"{suite.name}: {summary(suite)}", style="bold"), soft_wrap=True)
        alike = Counter((criterion.outcome, criterion.name, criterion.note) for criterion in suite.criteria)
        rows = [
            (outcome, name, f"{count:,}", note)
            for kind in reversed(OUTCOMES)
            for (outcome, name, note), count in alike.items()
            if outcome == kind
        ]
        print_table(console, columns("here", "criterion", "count", "note", prose=("note",)), rows[:MOST_LINES])
        if len(rows) > MOST_LINES:
            console.print(f"… {len(rows) - MOST_LINES:,} more in {REPORT}")
    ready = [suite.name for suite in suites if suite.rows]
    lines = [f"Written to {folder}. {REPORT} has each criterion in the words of the original."]
    if len(ready) < len(suites):
        lines.append("A suite without cases can't run. Import it together with its rows.")
    lines += [f"{suite.name}: {ADVICE}" for suite in suites if not suite.compares]
    if ready:
        lines.append(f"Next: choose the margins in {folder / ready[0]}.yaml, then")
        lines.append(f"fairtrial check {folder / ready[0]}.yaml {folder / ready[0]}.gate.yaml")
        lines.append(f"fairtrial gate {folder / ready[0]}.gate.yaml --candidate CANDIDATE --baseline BASE --run")
    for line in lines:
        console.print(Text(line), soft_wrap=True)
