"""The command `fairtrial compare`, which compares runs of a suite with a baseline, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial_cli.options import CONFIG, JSON, print_indented

if TYPE_CHECKING:
    from evaluators.comparison.matrix import Matrix
    from evaluators.criteria.metric_catalogue import Measure
    from evaluators.results.run_table import RunTable
    from fairtrial.domain.estimates import Comparison
    from fairtrial_cli.store_client.client import StoreClient


@click.command()
@click.argument("candidates", nargs=-1, required=True, metavar="CANDIDATE…")
@click.argument("baseline")
@CONFIG
@click.option("--suite", "suite_file", type=click.Path(path_type=Path, exists=True), help="The suite's file.")
@click.option("--by", "tags", multiple=True, help="Also compare in each slice of this tag; repeatable.")
@JSON
def command(
    candidates: tuple[str, ...],
    baseline: str,
    config: Path,
    suite_file: Path | None,
    tags: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare runs of the same suite with BASELINE. Runs are named by id, by its beginning, or by SUITE@TARGET for
    the newest run. Several candidates are compared in one table.

    The answer is better or worse only if the 95 % interval of the paired difference excludes 0 and p is at most 0.05.
    The p-value comes from McNemar's exact test for 0/1 scores, otherwise from a sign-flip test. Figures without a p,
    such as macro F1 and percentiles, are answered by their interval. The rule stands beside each answer. Gates use
    one-sided 95 % bounds and name their rule in each finding.

    The suite's file says how each metric is estimated; it is searched in ./suites and in the current folder.

    \b
    Examples:  fairtrial compare general-kept@tuned general-kept@base --by kind
               fairtrial compare general-kept@tuned general-kept@tuned-2 general-kept@base
    """
    from evaluators.comparison.compare import compare_runs
    from evaluators.comparison.matrix import matrix_of
    from evaluators.comparison.pairing import slices_of
    from fairtrial.api.operation import Nothing
    from fairtrial.api.store import ingest
    from fairtrial_cli.store_client.client import store_of
    from fairtrial_cli.store_client.stored import load_noise_floor

    with store_of(config) as store:
        store.call(ingest, Nothing())
        new, old = [find_run(store, candidate) for candidate in candidates], find_run(store, baseline)
        measures = measures_for([*new, old], suite_file)
        if len(new) > 1:
            again = load_noise_floor(store, old.run_id)
            return _print_matrix(matrix_of(measures, old, new, by=tags, again=again), measures, as_json=as_json)
        comparisons = compare_runs(measures, new[0], old, [None, *slices_of(new[0], tags)])
    return (
        print_indented([asdict(comparison) for comparison in comparisons])
        if as_json
        else _print(comparisons, measures, new[0], old)
    )


def find_run(store: StoreClient, name: str) -> RunTable:
    """The run with this id or a unique beginning of it, or the newest run of ``SUITE@TARGET``; raises `UsageError`."""
    from fairtrial.api import runs
    from fairtrial_cli.store_client.stored import load_table

    return load_table(store, store.call(runs.resolve, runs.ResolveRun(name=name)).run_id)


def measures_for(runs: Sequence[RunTable], suite_file: Path | None) -> Sequence[Measure]:
    """The measures of the suite or, if its file is not found, those that appear in the runs."""
    from evaluators.criteria.metric_catalogue import measures_of, measures_seen
    from fairtrial_cli.store_client.stored import suite_of_run

    suite = suite_of_run(runs[0].suite, suite_file)
    return measures_seen(runs) if suite is None else measures_of(suite)


def _print_matrix(matrix: Matrix, measures: Sequence[Measure], *, as_json: bool) -> None:
    from rich.console import Console

    from fairtrial_cli.output.matrix import print_matrix

    print_indented(asdict(matrix)) if as_json else print_matrix(Console(), matrix, measures)


def _print(comparisons: Sequence[Comparison], measures: Sequence[Measure], new: RunTable, old: RunTable) -> None:
    from rich.console import Console
    from rich.text import Text

    from evaluators.comparison.observations import signal_changes
    from evaluators.comparison.presentation import comparison_row, rules_in_words
    from evaluators.results.equal_answers import equal_answers
    from fairtrial.domain.verdicts.verdict_wording import block_lines
    from fairtrial_cli.output.terminal import columns, print_table
    from fairtrial_cli.output.verdict import print_block

    by_name = {measure.name: measure for measure in measures}
    console = Console()
    console.print(Text(f"{new.suite}: {new.target} against {old.target}", style="bold"))
    head = ("metric", "in", "answer", "n", old.target, new.target, "difference", "95 % interval", "p", "rule")
    print_table(
        console, columns(*head), [comparison_row(comparison, by_name[comparison.metric]) for comparison in comparisons]
    )
    for rule in rules_in_words(comparisons):
        console.print(Text(rule, style="dim"))
    if (same := equal_answers(new, old)).n:
        console.print(Text(f"{same.words(new.target, old.target)}."))
    print_block(console, block_lines(change.says for change in signal_changes(new, old)))
