"""The command `fairtrial eval`, which runs suites on deployments or variants and continues interrupted runs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError
from fairtrial_cli.options import CONFIG, JSON, MAP, print_indented, project_of
from fairtrial_cli.own_scorers import OWN_SCORERS, admit_scorers

if TYPE_CHECKING:
    from evaluators.suite import Suite
    from fairtrial.api.comparison_answers import RunMatrix
    from fairtrial.config.project import Project
    from fairtrial.domain.run import Run
    from fairtrial.domain.verdicts.model_equality import ModelEquality

UNSOUND = 4
"""The exit code for a run with too many unscored cases, the same as INVALID of `fairtrial gate`."""


@dataclass(frozen=True, slots=True)
class Options:
    """Which cases are run, and what is printed."""

    concurrency: int
    side_by_side: int | None
    noise_floor: bool
    each: bool
    repeat: int | None
    limit: int | None
    columns: dict[str, str]
    fresh: bool
    dry_run: bool
    confusion: bool
    as_json: bool


@click.command()
@click.argument("suites", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SUITE…")
@click.option("--on", "on", required=True, help="Targets, separated by commas: deployments or EXPERIMENT/VARIANT.")
@CONFIG
@click.option(
    "--concurrency",
    default=8,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Concurrent requests for each target.",
)
@click.option(
    "--side-by-side",
    type=click.IntRange(1, 16),
    help="Targets that answer at the same time, by default all; 1 if the server holds one model at a time.",
)
@click.option("--baseline", help="The target that the others are compared with, by default the first one.")
@click.option("--noise-floor", is_flag=True, help="Let the baseline answer once more, if it hasn't yet.")
@click.option("--each", is_flag=True, help="Also print a table for each target, with its worst slices.")
@click.option("--repeat", type=click.IntRange(1, 100), help="How often each case is asked; overrides the suite.")
@click.option("--limit", type=click.IntRange(1), help="Run only the first cases of each suite, to try it out.")
@MAP
@OWN_SCORERS
@click.option("--fresh", is_flag=True, help="Ask all questions again, even if their answers are cached.")
@click.option("--dry-run", is_flag=True, help="Print what would be asked, and what it would cost. Ask nothing.")
@click.option("--confusion", is_flag=True, help="Print the confusion matrix of each label scorer.")
@JSON
def command(suites: tuple[Path, ...], on: str, baseline: str | None, config: Path, **given: Any) -> None:
    """Run suites on models, through the gateway.

    Several models answer each case at about the same time, and are compared with the baseline, case by case. It prints
    who is better by the first metric, and what else changed. With --noise-floor it also shows how many cases change
    where the baseline answers again. That run is stored, and made once for each suite and model.

    With --dry-run it prints requests, tokens and cost, and asks nothing.

    First each fine-tune and the baseline, if it is its parent, answer short questions that tell whether they are one
    model. The result is kept until one of their definitions changes.

    Answers are cached on disk. After Ctrl-C the same command continues, and a question that the same weights have
    answered is not asked again. The exit code is 4 if more than 2 % of a run's cases could not be scored.

    \b
    Examples:  fairtrial eval suites/support/suite.yaml --on base,tuned,tuned-2 --noise-floor
               fairtrial eval suites/general/suite.yaml --on tuned-vs-base/tuned --limit 20
               fairtrial eval suites/theirs.yaml --on base --map question=input --map answer=expected
    """
    from fairtrial_cli.run_suites import load_suites

    options, project = Options(**given), project_of(config)
    loaded = [_adjusted(suite, options) for suite in load_suites(suites, options.columns)]
    names = list(dict.fromkeys(name.strip() for name in on.split(",") if name.strip()))
    if not names:
        raise UsageError(f"--on {on!r}: no target given (known: {', '.join(project.plan.deployments)})")
    baseline = baseline or names[0]
    if baseline not in names:
        raise UsageError(f"--baseline {baseline}: it is not one of the targets ({', '.join(names)})")
    if options.dry_run:
        return _estimate(project, loaded, names, options)
    admit_scorers(config, loaded)
    runs = _run(project, loaded, names, baseline, options)
    if any(_unsound(run) for run in runs):
        sys.exit(UNSOUND)
    return None


def _estimate(project: Project, suites: Sequence[Suite], names: Sequence[str], options: Options) -> None:
    """Print the requests, tokens and cost of every run."""
    import time

    from rich.console import Console

    from evaluators.engine.answer_cache import estimate_run
    from evaluators.engine.target import resolve
    from fairtrial_cli.output.runs import print_estimates

    cache, now_us = project.layout.cache, time.time_ns() // 1000
    estimates = [
        estimate_run(suite, resolve(name, project.plan, base_url=""), cache=cache, now_us=now_us, fresh=options.fresh)
        for suite in suites
        for name in names
    ]
    if options.as_json:
        return print_indented([asdict(estimate) for estimate in estimates])
    return print_estimates(Console(), estimates, concurrency=options.concurrency)


def _adjusted(suite: Suite, options: Options) -> Suite:
    if options.repeat is not None:
        suite = suite.with_repeat(options.repeat)
    return suite.with_limit(options.limit) if options.limit is not None else suite


def _run(project: Project, suites: Sequence[Suite], names: Sequence[str], baseline: str, options: Options) -> list[Run]:
    from evaluators.engine.target import resolve
    from fairtrial.config.plan.retirement import refuse_retired, today_utc
    from fairtrial_cli.ask_models import ask_on_terminal, fine_tunes
    from fairtrial_cli.run_on_terminal import run_on_terminal
    from fairtrial_cli.run_suites import RunOptions
    from fairtrial_cli.store_client.client import open_store
    from gateway.control.present import deployment_of

    for name in names:  # before anything starts, so that a wrong name fails at once
        resolve(name, project.plan, base_url="")
    refuse_retired(project.plan, names, today_utc(time.time_ns() // 1000))
    running = RunOptions(
        open_store,
        concurrency=options.concurrency,
        side_by_side=options.side_by_side,
        fresh=options.fresh,
        noise_floor=baseline if options.noise_floor else None,
    )
    pairs = [pair for pair in fine_tunes(project.plan, names) if pair[1] == deployment_of(project.plan, baseline)]
    asked = ask_on_terminal(project, pairs, suites)
    for line in (line for result in asked for line in result.lines):
        click.echo(line, err=True)
    finished = run_on_terminal(project, suites, names, running)
    _print(project, suites, finished, asked, baseline, options)
    return [run for _, run in finished]


def _print(
    project: Project,
    suites: Sequence[Suite],
    finished: Sequence[tuple[Suite, Run]],
    asked: Sequence[ModelEquality],
    baseline: str,
    options: Options,
) -> None:
    from msgspec.structs import replace
    from rich.console import Console

    from evaluators.criteria.metric_catalogue import measures_of
    from fairtrial_cli.output.matrix import print_matrices
    from fairtrial_cli.output.runs import as_json, print_notes, print_run

    matrices = {suite.name: _matrix(project, suite, finished, baseline) for suite in suites}
    if options.as_json:
        results = [as_json(suite, run, matrices[suite.name]) for suite, run in finished]
        return click.echo(json.dumps(results, indent=2, ensure_ascii=False))
    console = Console()
    compared = [(matrix, measures_of(suite)) for suite in suites if (matrix := matrices[suite.name]) is not None]
    compared = [(replace(matrix, equality=tuple(asked)), measures) for matrix, measures in compared]
    print_matrices(console, compared)
    for suite in suites:
        runs = [run for of, run in finished if of is suite]
        if not compared or options.each or options.confusion:
            for run in runs:
                print_run(console, suite, run, matrices=options.confusion)
        else:
            print_notes(console, suite, runs)
    for matrix, _ in compared[:1]:
        names = " ".join(f"{matrix.suite}@{column.target}" for column in (*matrix.columns[1:], matrix.columns[0]))
        click.echo(f"Read on: fairtrial compare {names} --details")
    return None


def _matrix(project: Project, suite: Suite, finished: Sequence[tuple[Suite, Run]], baseline: str) -> RunMatrix | None:
    """The suite's runs against its run on the baseline; ``None`` for a single run."""
    from evaluators.comparison.matrix import matrix_of
    from evaluators.criteria.metric_catalogue import measures_of
    from evaluators.results.run_table import table_of
    from fairtrial_cli.store_client.client import open_store
    from fairtrial_cli.store_client.stored import load_noise_floor

    runs = {run.target: run for of, run in finished if of is suite}
    if len(runs) < 2:
        return None
    candidates = [table_of(run) for target, run in runs.items() if target != baseline]
    with open_store(project.layout) as store:
        again = load_noise_floor(store, runs[baseline].run_id)
        return matrix_of(measures_of(suite), table_of(runs[baseline]), candidates, again=again)


def _unsound(run: Run) -> bool:
    from evaluators.engine.summary import MOST_UNSCORED, unscored_share

    return unscored_share(run) > MOST_UNSCORED
