"""The command `fairtrial eval`, which runs suites on deployments or variants and resumes interrupted runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError
from fairtrial_cli.options import CONFIG, JSON, MAP, project_of

if TYPE_CHECKING:
    from rich.console import Console

    from evaluators.suite import Suite
    from fairtrial.config.project import Project
    from fairtrial.domain.run import Run

INTERRUPTED = 130
UNSOUND = 4
"""The exit code for a run with too many unscored cases, the same as INVALID of `fairtrial gate`."""


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
    "--side-by-side", default=1, show_default=True, type=click.IntRange(1, 16), help="Targets run at the same time."
)
@click.option("--repeat", type=click.IntRange(1, 100), help="How often each case is asked; overrides the suite.")
@click.option("--limit", type=click.IntRange(1), help="Run only the first cases of each suite, to try it out.")
@MAP
@click.option("--fresh", is_flag=True, help="Ask all questions again, even if their answers are cached.")
@click.option("--confusion", is_flag=True, help="Print the confusion matrix of each label scorer.")
@JSON
def command(suites: tuple[Path, ...], on: str, config: Path, **options: Any) -> None:
    """Run suites on models, through the gateway.

    Answers are cached on disk. After Ctrl-C the same command resumes, and a question that the same weights have
    answered is not asked again. The exit code is 4 if more than 2 % of a run's cases could not be scored.

    \b
    Examples:  fairtrial eval suites/support/suite.yaml --on base,tuned
               fairtrial eval suites/general/suite.yaml --on tuned-vs-base/tuned --limit 20
               fairtrial eval suites/theirs.yaml --on base --map question=input --map answer=expected
    """
    from fairtrial_cli.run_suites import load_suites

    project = project_of(config)
    loaded = [_adjusted(suite, options) for suite in load_suites(suites, options["columns"])]
    names = list(dict.fromkeys(name.strip() for name in on.split(",") if name.strip()))
    if not names:
        raise UsageError(f"--on {on!r}: no target given (known: {', '.join(project.plan.deployments)})")
    runs = _run(project, loaded, names, options)
    if any(_unsound(run) for run in runs):
        sys.exit(UNSOUND)


def _adjusted(suite: Suite, options: dict[str, Any]) -> Suite:
    if options["repeat"] is not None:
        suite = suite.with_repeat(options["repeat"])
    return suite.with_limit(options["limit"]) if options["limit"] is not None else suite


def _run(project: Project, suites: Sequence[Suite], names: Sequence[str], options: dict[str, Any]) -> list[Run]:
    from rich.console import Console

    from evaluators.engine.target import resolve
    from fairtrial_cli.output.progress import run_progress
    from fairtrial_cli.output.runs import as_json, print_run
    from fairtrial_cli.run_suites import RunOptions, project_gateway, run_suites

    for name in names:  # before anything starts, so that a wrong name fails at once
        resolve(name, project.plan, base_url="")
    stderr = Console(stderr=True)
    finished: list[tuple[Suite, Run]] = []
    running = RunOptions(
        concurrency=options["concurrency"],
        side_by_side=options["side_by_side"],
        fresh=options["fresh"],
        on_run=lambda suite, run: finished.append((suite, run)),
    )
    try:
        with (
            project_gateway(project, say=lambda text: stderr.print(text)) as base_url,
            run_progress(stderr) as on_progress,
        ):
            with_progress = replace(running, on_progress=on_progress)
            runs = run_suites(project, suites, names, base_url=base_url, options=with_progress)
    except KeyboardInterrupt:
        _print_interrupted(stderr, finished, len(suites) * len(names))
        sys.exit(INTERRUPTED)
    if options["as_json"]:
        click.echo(json.dumps([as_json(suite, run) for suite, run in finished], indent=2, ensure_ascii=False))
        return runs
    for suite, run in finished:
        print_run(Console(), suite, run, matrices=options["confusion"])
    return runs


def _print_interrupted(stderr: Console, finished: Sequence[tuple[Suite, Run]], total: int) -> None:
    saved = f"{len(finished)} of {total} runs are finished and saved"
    stderr.print(f"Interrupted: {saved}. Other answers are cached. Run the same command to continue.", soft_wrap=True)


def _unsound(run: Run) -> bool:
    from evaluators.engine.summary import MOST_UNSCORED, unscored_share

    return unscored_share(run) > MOST_UNSCORED
