"""The command `fairtrial compare`, which compares runs of a suite with a baseline, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial_cli.options import CONFIG, JSON, print_indented

if TYPE_CHECKING:
    from evaluators.criteria.metric_catalogue import Measure
    from evaluators.results.run_table import RunTable
    from fairtrial_cli.store_client.client import StoreClient


@click.command()
@click.argument("candidates", nargs=-1, required=True, metavar="CANDIDATE…")
@click.argument("baseline")
@CONFIG
@click.option("--suite", "suite_file", type=click.Path(path_type=Path, exists=True), help="The suite's file.")
@click.option("--by", "tags", multiple=True, help="Also compare in each slice of this tag; repeatable.")
@click.option("--details", is_flag=True, help="Print every metric with its p-value and rule, and all signals.")
@JSON
def command(
    candidates: tuple[str, ...],
    baseline: str,
    config: Path,
    suite_file: Path | None,
    tags: tuple[str, ...],
    details: bool,
    as_json: bool,
) -> None:
    """Compare runs of the same suite with BASELINE. Runs are named by id, by its beginning, or by SUITE@TARGET for
    the newest run. Several candidates are compared in one table.

    It prints the answer by the first metric, and what else changed. The answer is better or worse only if the 95 %
    interval of the paired difference excludes 0 and p is at most 0.05. The p-value comes from McNemar's exact test for
    0/1 scores, otherwise from a sign-flip test. Figures without a p, such as macro F1 and percentiles, are answered by
    their interval. Gates use one-sided 95 % bounds and name their rule in each finding.

    The suite's file says how each metric is estimated; it is searched in ./suites and in the current folder.

    \b
    Examples:  fairtrial compare general-kept@tuned general-kept@base --by kind
               fairtrial compare general-kept@tuned general-kept@tuned-2 general-kept@base
    """
    from rich.console import Console

    from evaluators.comparison.compare import compare_runs
    from evaluators.comparison.matrix import matrix_of
    from evaluators.comparison.pairing import slices_of
    from fairtrial.api.operation import Nothing
    from fairtrial.api.store import ingest
    from fairtrial_cli.output.matrix import print_matrices
    from fairtrial_cli.store_client.client import store_of
    from fairtrial_cli.store_client.stored import load_noise_floor

    with store_of(config) as store:
        store.call(ingest, Nothing())
        new, old = [find_run(store, candidate) for candidate in candidates], find_run(store, baseline)
        measures = measures_for([*new, old], suite_file)
        if as_json and len(new) == 1:
            comparisons = compare_runs(measures, new[0], old, [None, *slices_of(new[0], tags)])
            return print_indented([asdict(comparison) for comparison in comparisons])
        matrix = matrix_of(measures, old, new, by=tags, again=load_noise_floor(store, old.run_id))
    if as_json:
        return print_indented(matrix)
    print_matrices(Console(), [(matrix, measures)], details=details)
    if not details:
        click.echo("Read on: the same command with --details, which prints every metric")
    return None


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
