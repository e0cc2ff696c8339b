"""The command `fairtrial runs`, which lists stored runs and shows their cases."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError, printable
from fairtrial_cli.options import CONFIG, JSON, print_indented

if TYPE_CHECKING:
    from fairtrial.api.run_answers import CasePage, PairPage, RunFigures
    from fairtrial_cli.store_client.client import StoreClient

GRADES = ("wrong", "unscored", "right")
CHANGES = ("lost", "gained", "both-wrong", "same")
"""The choices of --only; ``unscored`` is one of both, and a hyphen stands for the space of `both wrong`."""
CASES = 50
"""How many cases are printed unless --limit says otherwise."""


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with a page of its cases, beside those of the ``baseline`` if there is one."""

    figures: RunFigures
    baseline: RunFigures | None
    cases: CasePage | PairPage


@dataclass(frozen=True, slots=True)
class CasesShown:
    """Which cases of a run are shown, and how."""

    against: str | None
    only: str
    metric: str | None
    text: str | None
    limit: int
    offset: int
    full: bool


@click.group()
def command() -> None:
    """List stored runs, and show cases of one run or of two runs.

    \b
    Examples:  fairtrial runs list --suite support-tickets
               fairtrial runs show support-tickets@tuned --only wrong
               fairtrial runs why support-tickets@tuned ticket-17
    """


@command.command("list")
@click.option("--suite", help="Only runs of the suite with this name.")
@click.option("--target", help="Only runs on this target.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="The most runs shown.")
@CONFIG
@JSON
def list_(suite: str | None, target: str | None, limit: int, config: Path, as_json: bool) -> None:
    """List runs, newest first.

    \b
    Examples:  fairtrial runs list --limit 5
               fairtrial runs list --suite support-tickets --target tuned --json
    """
    from fairtrial.api import runs
    from fairtrial.api.operation import Nothing
    from fairtrial.api.store import ingest
    from fairtrial_cli.output.stored_runs import as_listed, print_runs
    from fairtrial_cli.store_client.client import store_of

    with store_of(config) as store:
        store.call(ingest, Nothing())
        request = runs.ListRuns(suite=suite, target=target, limit=limit + 1)
        rows = store.call(runs.listing, request)
    if as_json:
        return print_indented([as_listed(row) for row in rows[:limit]])
    if not rows:
        filters = " and ".join(f"{noun} {name!r}" for noun, name in (("suite", suite), ("target", target)) if name)
        click.echo(
            f"no runs{f' with the {filters}' if filters else ' yet'}; run a suite: fairtrial eval SUITE --on TARGET"
        )
        return None
    print_runs(rows[:limit], now_us=time.time_ns() // 1000)
    if len(rows) > limit:
        click.echo(f"older runs exist; to see them: --limit {2 * limit}")
    return None


@command.command()
@click.argument("run")
@click.option("--against", metavar="RUN", help="Show cases beside those of this run, the baseline.")
@click.option(
    "--only",
    type=click.Choice([*GRADES, *CHANGES, "all"]),
    default="all",
    show_default=True,
    help="Which cases. For one run: right, wrong, unscored; with --against: lost, gained, both-wrong, same, unscored.",
)
@click.option("--metric", help="The score that says which cases are right; default: the first one of the run.")
@click.option("--case", "text", metavar="TEXT", help="Only cases with this text in their id, question or answer.")
@click.option("--limit", default=CASES, show_default=True, type=click.IntRange(1, 10_000), help="The most cases shown.")
@click.option("--offset", default=0, show_default=True, type=click.IntRange(0, 10**9), help="Skip this many cases.")
@click.option("--full", is_flag=True, help="Print whole texts and all scores.")
@CONFIG
@JSON
def show(run: str, config: Path, as_json: bool, **given: Any) -> None:
    """Show a run with its metrics and cases. RUN is an id, the beginning of one, or SUITE@TARGET for the newest run.

    A case is right if its score is above 0, and wrong if it is 0. Scores where less is better are read the other way.
    With --against, a case is lost if the candidate's score is worse than the baseline's, and gained if it is better.

    \b
    Examples:  fairtrial runs show support-tickets@tuned --only wrong --limit 10
               fairtrial runs show support-tickets@tuned --against support-tickets@base --only lost
               fairtrial runs show 019a3c --case refund --full
    """
    from fairtrial.api.operation import Nothing
    from fairtrial.api.store import ingest
    from fairtrial_cli.store_client.client import store_of

    options = CasesShown(**given)
    _check(options)
    with store_of(config) as store:
        store.call(ingest, Nothing())
        run_view = _read(store, run, options)
    print_indented(_as_json(run_view, options)) if as_json else _print(run_view, options)


@command.command()
@click.argument("run")
@click.argument("case")
@click.option("--suite", "file", type=click.Path(path_type=Path, exists=True), help="The suite's file.")
@CONFIG
@JSON
def why(run: str, case: str, file: Path | None, config: Path, as_json: bool) -> None:
    """Explain the scores of one case. RUN is an id, the beginning of one, or SUITE@TARGET for the newest run.

    It prints each scorer's values and signature, the texts that it compared after extraction and normalisation, and why
    the answer is right or wrong. Scorers are read from the suite's file, which is searched in ./suites and in the
    current folder. Without the file it prints what the store has.

    \b
    Examples:  fairtrial runs why support-tickets@tuned ticket-17
               fairtrial runs why 019a3c ticket-17 --suite suites/support/suite.yaml --json
    """
    from dataclasses import asdict

    from fairtrial.api.operation import Nothing
    from fairtrial.api.store import ingest
    from fairtrial_cli.output.stored_runs import print_explained
    from fairtrial_cli.store_client.client import store_of
    from fairtrial_cli.store_client.stored import explained_case

    with store_of(config) as store:
        store.call(ingest, Nothing())
        explained = explained_case(store, run, case, file)
    print_indented(asdict(explained)) if as_json else print_explained(explained)


def _check(options: CasesShown) -> None:
    only, against = options.only, options.against
    if only in CHANGES and against is None:
        raise UsageError(f"--only {only} needs --against RUN, because it compares two runs")
    if only in ("right", "wrong") and against is not None:
        raise UsageError(f"--only {only} is about one run; with --against use {', '.join(CHANGES)}, unscored or all")


def _read(store: StoreClient, run: str, options: CasesShown) -> RunView:
    """The head of the run, and the wanted page of cases."""
    from fairtrial.api import runs

    only: Any = None if options.only == "all" else options.only.replace("-", " ")
    chosen: Any = {"metric": options.metric, "text": options.text, "limit": options.limit, "offset": options.offset}
    run_id = store.call(runs.resolve, runs.ResolveRun(name=run)).run_id
    head = store.call(runs.figures, runs.NameRun(run_id=run_id))
    if options.against is None:
        return RunView(head, None, store.call(runs.cases, runs.CasesOf(run_id=run_id, grade=only, **chosen)))
    against = store.call(runs.resolve, runs.ResolveRun(name=options.against)).run_id
    baseline = store.call(runs.figures, runs.NameRun(run_id=against))
    request = runs.PairsOf(candidate_run=run_id, baseline_run=against, change=only, **chosen)
    return RunView(head, baseline, store.call(runs.pairs, request))


def _as_json(view: RunView, options: CasesShown) -> dict[str, Any]:
    from msgspec import to_builtins

    head, baseline, cases = (to_builtins(part) for part in (view.figures, view.baseline, view.cases))
    return {**head, "baseline": baseline, "cases": cases | {"limit": options.limit, "offset": options.offset}}


def _print(view: RunView, options: CasesShown) -> None:
    from fairtrial.api.run_answers import CasePage
    from fairtrial.domain.wording import TEXT_DELETED
    from fairtrial_cli.output import stored_runs

    run, cases = view.figures.run, view.cases
    now_us, full, alone = time.time_ns() // 1000, options.full, options.metric is not None
    stored_runs.print_head(run, view.figures.used, now_us=now_us, full=full)
    if view.baseline is not None:
        known = stored_runs.identity(view.baseline.run, now_us=now_us)
        click.echo(printable(f"against {view.baseline.run.target}: {known}"))
    if cases.texts_deleted:
        click.echo(f"texts of {cases.texts_deleted:,} answers: {TEXT_DELETED}")
    counts = ", ".join(f"{count:,} {name}" for name, count in cases.counts.items())
    click.echo(f"\n{printable(cases.metric)}: {counts}")
    if isinstance(cases, CasePage):
        stored_runs.print_cases(cases.rows, cases.metric, alone=alone, full=full)
    else:
        titles = (f"{run.target} (candidate)", f"{view.baseline.run.target} (baseline)" if view.baseline else "")
        stored_runs.print_pairs(cases.rows, cases.metric, titles, alone=alone, full=full)
    click.echo(f"\n{stored_runs.rest_line(len(cases.rows), cases.total, options.offset)}")
