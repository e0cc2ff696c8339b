"""The command `fairtrial compare`, which compares two runs of a suite case by case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial_cli.options import CONFIG, JSON, project_of

if TYPE_CHECKING:
    from evaluators.criteria.metric_catalogue import Measure
    from evaluators.results.run_table import RunTable
    from evaluators.suite import Suite
    from fairtrial.domain.estimates import Comparison
    from fairtrial_cli.store_client.client import StoreClient

SUITE_FOLDERS = (Path("suites"), Path())


@click.command()
@click.argument("candidate")
@click.argument("baseline")
@CONFIG
@click.option("--suite", "suite_file", type=click.Path(path_type=Path, exists=True), help="The suite's file.")
@click.option("--by", "tags", multiple=True, help="Also compare in each slice of this tag; repeatable.")
@JSON
def command(
    candidate: str, baseline: str, config: Path, suite_file: Path | None, tags: tuple[str, ...], as_json: bool
) -> None:
    """Compare two runs of the same suite. CANDIDATE and BASELINE are run ids, beginnings of ids, or
    SUITE@TARGET for the newest run.

    The answer is better or worse only if the 95 % interval of the paired difference excludes 0 and p is at most 0.05.
    The p-value comes from McNemar's exact test for 0/1 scores, otherwise from a sign-flip test. Figures without a p,
    such as macro F1 and percentiles, are answered by their interval. The rule stands beside each answer. Gates use
    one-sided 95 % bounds and name their rule in each finding.

    The suite's file says how each metric is estimated; it is searched in ./suites and in the current folder.

    \b
    Example:  fairtrial compare general-kept@tuned general-kept@base --by kind
    """
    from evaluators.comparison.compare import compare_runs
    from evaluators.comparison.pairing import slices_of
    from fairtrial.api.operation import Nothing
    from fairtrial.api.store import ingest
    from fairtrial_cli.store_client.client import open_store

    with open_store(project_of(config).layout) as store:
        store.call(ingest, Nothing())
        new, old = find_run(store, candidate), find_run(store, baseline)
        measures = measures_for(new, old, suite_file)
        found = compare_runs(measures, new, old, [None, *slices_of(new, tags)])
    _print_json(found) if as_json else _print(found, measures, new, old)


def find_run(store: StoreClient, name: str) -> RunTable:
    """The run with this id or a unique beginning of it, or the newest run of ``SUITE@TARGET``; raises `UsageError`."""
    from fairtrial.api import runs
    from fairtrial_cli.store_client.stored import load_table

    return load_table(store, store.call(runs.resolve, runs.ResolveRun(name=name)).run_id)


def measures_for(new: RunTable, old: RunTable, suite_file: Path | None) -> Sequence[Measure]:
    """The measures of the suite or, if its file is not found, those that appear in the runs."""
    from evaluators.criteria.metric_catalogue import measures_of, measures_seen

    suite = _suite(new.suite, suite_file)
    return measures_seen([new, old]) if suite is None else measures_of(suite)


def _suite(name: str, file: Path | None) -> Suite | None:
    from evaluators.loading.search import suites_near
    from evaluators.loading.suite_reader import load

    for found in [file] if file is not None else [suites_near(folder).get(name) for folder in SUITE_FOLDERS]:
        if found is not None:
            return next((suite for suite in load(found) if suite.name == name), None)
    return None


def _print_json(found: Sequence[Comparison]) -> None:
    import json
    from dataclasses import asdict

    click.echo(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))


def _print(found: Sequence[Comparison], measures: Sequence[Measure], new: RunTable, old: RunTable) -> None:
    from rich.console import Console
    from rich.text import Text

    from evaluators.comparison.signal_changes import signal_changes
    from evaluators.comparison.wording import comparison_row, rules_in_words
    from fairtrial.domain.verdicts.verdict_wording import block_lines
    from fairtrial_cli.output.table import columns, print_table
    from fairtrial_cli.output.verdict import print_block

    by_name = {measure.name: measure for measure in measures}
    console = Console()
    console.print(Text(f"{new.suite}: {new.target} against {old.target}", style="bold"))
    head = ("metric", "in", "answer", "n", old.target, new.target, "difference", "95 % interval", "p", "rule")
    print_table(console, columns(*head), [comparison_row(one, by_name[one.metric]) for one in found])
    for rule in rules_in_words(found):
        console.print(Text(rule, style="dim"))
    print_block(console, block_lines(change.says for change in signal_changes(new, old)))
