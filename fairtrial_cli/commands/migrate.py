"""The command `fairtrial migrate`, which compares a model that ends with its successors."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial.domain.errors import UsageError
from fairtrial_cli.options import CONFIG, JSON, print_indented, project_of
from fairtrial_cli.own_scorers import OWN_SCORERS, admit_scorers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from evaluators.suite import Suite
    from fairtrial.api.migrations import MigrationReport
    from fairtrial.api.traffic import LeftOutRequests
    from fairtrial.config.plan.retirement import Retirement
    from fairtrial.config.project import Project
    from fairtrial_cli.migration.report import Migration, Successor
    from fairtrial_cli.migration.successors import SuccessorRuns

NOT_SHIPPED, UNSOUND = 3, 4
"""The exit codes if no successor ships: as HOLD of `fairtrial gate`, or as INVALID if nothing could be judged."""
MOST_SUCCESSORS = 16


@click.command()
@click.argument("old")
@click.argument("new", nargs=-1, required=True)
@click.option(
    "--suite", "suites", multiple=True, type=click.Path(path_type=Path), help="A suite, own or imported; repeatable."
)
@click.option(
    "--from-traffic",
    type=click.IntRange(20, 5000),
    metavar="N",
    help="Also make a suite of N recorded prompts that OLD answered.",
)
@click.option(
    "--from-reviews",
    multiple=True,
    metavar="QUEUE",
    help="Also make a suite of the prompts of a closed review, with the preferred answers; repeatable.",
)
@click.option(
    "--margin", default="5pp", show_default=True, help="The margin of suites whose lines compare with no base."
)
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="Requests at a time.")
@OWN_SCORERS
@click.option("--fresh", is_flag=True, help="Ask all questions again, even if their answers are cached.")
@CONFIG
@JSON
def command(
    old: str,
    new: tuple[str, ...],
    suites: tuple[Path, ...],
    from_traffic: int | None,
    from_reviews: tuple[str, ...],
    margin: str,
    concurrency: int,
    config: Path,
    fresh: bool,
    as_json: bool,
) -> None:
    """Find a successor for a model that its provider turns off.

    OLD is its deployment, and each NEW may replace it. All answer the suites at the same time. The complete answers of
    OLD are kept as the baseline for good. If OLD no longer answers, its stored answers are used.

    Each NEW is judged by the margins of the suites: it must not be worse than OLD. Several share the error rate of 5 %.
    The experiment that moves live traffic is written to a copy of the project file, which stays as it is.

    A line that OLD itself breaks requires "not worse than OLD" instead. Labels and JSON that OLD has answered are
    compared; people compare prose, and until then no successor ships.

    The exit code is 0 if a successor ships, otherwise 3, or 4 if the evidence is unsound.

    \b
    Examples:  fairtrial migrate support-v1 support-v2 base --suite suites/support/suite.yaml
               fairtrial migrate gpt-tuned next --suite suites/support/support.yaml --from-traffic 200
               fairtrial migrate gpt-tuned next --from-reviews 3f9c0a1b2c3d4e5f60718293
    """
    from rich.console import Console

    from fairtrial.config.plan.migration_reports import save_migration_report
    from fairtrial.config.plan.retirement import today_utc
    from fairtrial_cli.migration.report import report_of
    from fairtrial_cli.run_suites import load_suites

    project, today = project_of(config), today_utc(time.time_ns() // 1000)
    _check_names(project, old, new, today)
    drawn, left_out = _drawn_suites(project, old, from_traffic, from_reviews, Console(stderr=True))
    paths = [*suites, *drawn]
    if not paths:
        raise UsageError("give --suite FILE, --from-traffic N for recorded prompts, or --from-reviews QUEUE")
    made = _migrate(project, load_suites(paths), old, new, today, margin=margin, concurrency=concurrency, fresh=fresh)
    report = report_of(replace(made, command=_again(project, paths, old, new, margin), left_out=left_out))
    save_migration_report(project.layout, report)
    _show(report, as_json=as_json)
    decisions = {successor.decision for successor in report.successors}
    if "SHIP" not in decisions:
        raise click.exceptions.Exit(UNSOUND if decisions == {"INVALID"} else NOT_SHIPPED)


def _show(report: MigrationReport, *, as_json: bool) -> None:
    from msgspec import to_builtins

    from fairtrial.documents.migration import describe_migration
    from fairtrial_cli.output.document import print_document

    print_indented(to_builtins(report)) if as_json else print_document(describe_migration(report))


def _again(project: Project, suites: Sequence[Path], old: str, new: Sequence[str], margin: str) -> str:
    """The command that makes the report anew, with the drawn suites as files."""
    named = [part for path in suites for part in ("--suite", str(path))]
    return shlex.join(["fairtrial", "migrate", old, *new, *named, "--margin", margin, "--config", str(project.path)])


def _check_names(project: Project, old: str, new: Sequence[str], today: date) -> None:
    from fairtrial.config.plan.retirement import refuse_retired
    from fairtrial.domain.errors import nearest

    known = project.plan.deployments
    for name in (old, *new):
        if "/" in name:
            raise UsageError(f"{name}: OLD and NEW are deployments, not variants of experiments")
        if name not in known:
            raise UsageError(f"{name}: there is no deployment {name!r} ({nearest(name, known)})")
    if old in new or len(set(new)) < len(new):
        raise UsageError("NEW: name each successor once, and none is OLD itself")
    if len(new) > MOST_SUCCESSORS:
        raise UsageError(f"NEW: at most {MOST_SUCCESSORS} successors are judged together")
    refuse_retired(project.plan, new, today)


def _drawn_suites(
    project: Project, old: str, count: int | None, queues: Sequence[str], stderr: Console
) -> tuple[list[Path], Sequence[LeftOutRequests]]:
    """The files of the suites from recorded traffic and reviews, which are made if they don't exist.

    The second part is how many requests can't be cases, by reason, if traffic was drawn now.
    """
    from evaluators.migration.recorded_requests import in_words
    from fairtrial_cli.migration.drawn_suites import review_suite, traffic_suite
    from fairtrial_cli.store_client.client import open_store

    if count is None and not queues:
        return [], ()
    with open_store(project.layout, project.path) as store:
        traffic = None if count is None else traffic_suite(project, store, old, count)
        made = [] if traffic is None else [("recorded traffic", traffic.path, traffic.is_new)]
        made += [("reviewed pairs", *review_suite(project, store, queue)) for queue in dict.fromkeys(queues)]
    for source, path, is_new in made:
        stderr.print(f"{path}: {f'drawn from {source}' if is_new else 'drawn earlier; delete it to draw anew'}")
    left_out = () if traffic is None else traffic.left_out
    if left_out:
        stderr.print(f"Requests that {old} got and that can't be cases: {in_words(left_out)}.", soft_wrap=True)
    return [path for _, path, _ in made], left_out


def _migrate(
    project: Project,
    suites: Sequence[Suite],
    old: str,
    new: Sequence[str],
    today: date,
    *,
    margin: str,
    concurrency: int,
    fresh: bool,
) -> Migration:
    from fairtrial.config.plan.retirement import retirement_of
    from fairtrial_cli.migration.report import Migration
    from fairtrial_cli.migration.successors import judge_successors, listed_date, reviews_to_make
    from fairtrial_cli.store_client.client import open_store

    admit_scorers(project.path, suites)
    deployment = project.plan.deployments[old]
    retirement = retirement_of(deployment, project.plan, listed=listed_date(deployment))
    suite_runs = _ask_models(project, suites, old, new, concurrency=concurrency, fresh=fresh)
    with open_store(project.layout, project.path) as store:
        deployments = {name: project.plan.deployments[name] for name in new}
        successors = list(judge_successors(store, suite_runs, old, deployments, margin=margin))
        reviews = list(reviews_to_make(store, suite_runs, old, successors, project.path))
    replaced = [line.in_words(old) for run in suite_runs for line in run.broken(margin)]
    baselines = [run.baseline for run in suite_runs]
    levels = {run.suite.name: own for run in suite_runs if (own := run.own_levels(margin))}
    report = Migration(
        old, today, retirement, baselines, successors, None, replaced=replaced, reviews=reviews, levels=levels
    )
    return _with_move(project, report)


def _ask_models(
    project: Project, suites: Sequence[Suite], old: str, new: Sequence[str], *, concurrency: int, fresh: bool
) -> list[SuccessorRuns]:
    from rich.console import Console

    from evaluators.engine.client import TargetRefused
    from fairtrial_cli.ask_models import ask_on_terminal
    from fairtrial_cli.migration.successors import ask_models
    from fairtrial_cli.output.terminal import run_progress
    from fairtrial_cli.processes.private_gateway import project_gateway
    from fairtrial_cli.run_suites import RunOptions
    from fairtrial_cli.store_client.client import open_store

    stderr = Console(stderr=True)
    try:
        for result in ask_on_terminal(project, [(name, old) for name in new], suites):
            stderr.print(f"{result.words.replace(': is the adapter loaded?', '')}.", soft_wrap=True)
    except TargetRefused as error:  # OLD may be gone already; its stored answers are the evidence
        stderr.print(f"Not asked: {error}", soft_wrap=True)
    with project_gateway(project, say=lambda text: stderr.print(text)) as base_url, run_progress(stderr) as on_progress:
        options = RunOptions(open_store, concurrency=concurrency, fresh=fresh, on_progress=on_progress)
        return ask_models(project, suites, old, new, base_url=base_url, options=options)


def _with_move(project: Project, report: Migration) -> Migration:
    """The report with the experiment that moves live traffic to the chosen successor, if there is one."""
    from fairtrial.api.migrations import WrittenMove
    from fairtrial_cli.migration.experiment_file import plan_moves, write_move
    from fairtrial_cli.migration.report import chosen_successor, no_successor
    from fairtrial_cli.store_client.client import open_store

    chosen = chosen_successor(report.successors)
    if chosen is None:
        return replace(report, no_move=no_successor(report))
    if report.retirement is not None and report.retirement.is_over(report.today):
        return replace(report, no_move=_too_late(report.retirement, chosen))
    written = write_move(project, report.old, chosen.target)
    if written is None:
        return replace(report, no_move=f"no route leads to {report.old} alone")
    with open_store(project.layout, project.path) as store:
        moves = tuple(plan_moves(store, written[0], report.old, report.retirement, report.today))
    return replace(report, move=WrittenMove(str(written[0]), written[1], moves))


def _too_late(retirement: Retirement, chosen: Successor) -> str:
    return (
        f"{retirement.deployment} ended on {retirement.day}, so it can't be the control; its stored answers are the "
        f"evidence, and a route takes {chosen.target} as its deployment"
    )
