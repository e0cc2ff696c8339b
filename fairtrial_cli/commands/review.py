"""The command `fairtrial review`, which manages queues of answer pairs for blind review."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError
from fairtrial.domain.promises import MIN_ITEMS
from fairtrial.domain.wording import counted, drawn_pairs, equal_pairs
from fairtrial_cli.options import CONFIG, JSON, print_json, project_of

if TYPE_CHECKING:
    from fairtrial.api.review_answers import QueueRow, ReviewedPair
    from fairtrial.config.project import Project
    from fairtrial_cli.store_client.client import StoreClient
    from fairtrial_cli.training_data.exports import ExportFiles

YAML_ENDINGS = (".yaml", ".yml")


FORMATS = ("jsonl", "csv")
TRAINING_FORMS = ("dpo", "kto", "sft")


@click.group()
def command() -> None:
    """Let people compare pairs of answers blind.

    They do not see which model wrote an answer.

    \b
    Example:  fairtrial review enqueue support-tickets --candidate tuned --baseline base --size 40
    """


@command.command()
@click.argument("suite", required=False)
@click.option("--candidate", help="The target to judge, such as tuned or EXPERIMENT/VARIANT.")
@click.option("--baseline", help="The target to compare with.")
@click.option("--shadow", metavar="ROUTE", help="Take the pairs of ROUTE's shadow instead of runs.")
@click.option("--size", default=40, show_default=True, type=click.IntRange(1, 5000), help="Number of pairs.")
@click.option("--seed", type=click.IntRange(0), help="Seed of the random draw; default: a new one, which is stored.")
@click.option("--title", help="The title that reviewers see; it must not name a model.")
@click.option(
    "--overlap",
    type=click.FloatRange(0, 1),
    help="Share of pairs that two people judge; default: a fifth, but at least 12 pairs or half of the queue.",
)
@CONFIG
@JSON
def enqueue(
    suite: str | None,
    candidate: str | None,
    baseline: str | None,
    shadow: str | None,
    config: Path,
    as_json: bool,
    **wish: Any,
) -> None:
    """Create a queue of pairs from runs on SUITE, or from a shadow.

    The newest runs of both targets count. SUITE is a suite's name or file. A shadow has the real questions of ROUTE,
    and no user got the candidate's answers. Drawn pairs whose answers look equal to a reviewer count as ties, and
    nobody judges them.

    \b
    Examples:  fairtrial review enqueue support-tickets --candidate tuned --baseline base --size 40
               fairtrial review enqueue --shadow support-bot --size 40
    """
    from fairtrial.api import reviews
    from fairtrial.api.operation import Nothing
    from fairtrial.api.store import ingest

    if not (shadow or (suite and candidate and baseline)):
        raise UsageError("review enqueue: name SUITE with --candidate and --baseline, or --shadow ROUTE")
    project = project_of(config)
    wish |= {"candidate": candidate, "baseline": baseline, "shadow": shadow}
    wished = {name: value for name, value in wish.items() if value is not None}
    if suite is not None:
        wished["suite"] = _suite_name(suite)
    with _store(project) as store:
        store.call(ingest, Nothing())
        made = store.call(reviews.create, reviews.CreateQueue(**wished))
    if as_json:
        print_json(made)
        return
    drawn = made.sampling
    pairs = f"{drawn.size} of {drawn.of} pairs at random{equal_pairs(made.equal)}"
    click.echo(f"queue {made.queue_id}: {made.title!r}, {pairs}, {drawn.shared} for two people")
    click.echo(_required_share(made.items), err=True)
    click.echo(_agreement_hint(drawn.shared), err=True)
    click.echo(
        "Reviewers find it on the dashboard's page Review. To see its progress: fairtrial review status", err=True
    )


@command.command()
@CONFIG
@JSON
def status(config: Path, as_json: bool) -> None:
    """List all queues with their targets and progress.

    \b
    Example:  fairtrial review status --json
    """
    from fairtrial.api import reviews
    from fairtrial.api.operation import Nothing

    with _store(project_of(config)) as store:
        rows = store.call(reviews.status, Nothing())
    if as_json:
        print_json(rows)
    elif rows:
        _print_status(rows)
    else:
        click.echo("no queues yet; create one: fairtrial review enqueue SUITE --candidate TARGET --baseline TARGET")


@command.command()
@click.argument("queue_id")
@CONFIG
@JSON
def close(queue_id: str, config: Path, as_json: bool) -> None:
    """Close a queue permanently. Nobody can vote in it any more, gates use its votes, and it can be exported.

    \b
    Example:  fairtrial review close 3f9c0a1b2c3d4e5f60718293
    """
    from fairtrial.api import reviews

    with _store(project_of(config)) as store:
        closed = store.call(reviews.close, reviews.NameQueue(queue_id=queue_id))
    if as_json:
        print_json(closed)
        return
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in (closed.preferences or {}).items())
    votes = f"{counted(closed.votes, 'vote')}{': ' if counts else ''}{counts}"
    equal = f"; {drawn_pairs(closed.items, closed.equal)}" if closed.equal else ""
    click.echo(f"queue {queue_id} is closed with {votes}{equal}")


@command.command()
@click.argument("queue_id")
@click.option(
    "--format",
    "form",
    default="jsonl",
    show_default=True,
    type=click.Choice([*FORMATS, *TRAINING_FORMS]),
    help="The file format.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="The output file; default: standard output."
)
@click.option("--list", "list_", type=click.Path(path_type=Path), help="Write each pair left out, with its reason.")
@click.option("--min-votes", default=1, show_default=True, type=click.IntRange(1, 100), help="Votes that a pair needs.")
@click.option("--split-by", type=click.Choice(["unit", "cluster"]), help="Hold out whole units or clusters of cases.")
@click.option("--share", default=0.15, show_default=True, type=click.FloatRange(0.01, 0.5), help="Share to hold out.")
@CONFIG
@JSON
def export(
    queue_id: str,
    form: str,
    out: Path | None,
    list_: Path | None,
    min_votes: int,
    split_by: str | None,
    share: float,
    config: Path,
    as_json: bool,
) -> None:
    """Export a closed queue with the models named. The formats jsonl and csv have one row per vote, and one for each
    pair with equal answers, a tie without a reviewer.

    The other formats have training rows as TRL reads them: `dpo` {prompt, chosen, rejected}, `kto` {prompt, completion,
    label}, and `sft` {messages}. They take pairs on which all reviewers agree, each once. Personal and secret text is
    masked, and each row has its `provenance`. For `sft`, a corrected answer replaces the preferred one. A table shows
    why pairs are left out.

    \b
    Examples:  fairtrial review export 3f9c0a1b2c3d4e5f60718293 --format csv -o votes.csv
               fairtrial review export 3f9c0a1b2c3d4e5f60718293 --format dpo -o preferences.jsonl --list left-out.jsonl
               fairtrial review export 3f9c0a1b2c3d4e5f60718293 --format sft -o train.jsonl --split-by unit
    """
    from fairtrial.api import reviews
    from fairtrial_cli.output.votes import VOTE_FORMATS
    from fairtrial_cli.training_data.exports import ExportFiles

    files = ExportFiles(out, list_, split_by, share)
    if form not in TRAINING_FORMS and (list_ or split_by or as_json or min_votes > 1):
        raise UsageError(f"--list, --min-votes, --split-by and --json need --format {', '.join(TRAINING_FORMS)}")
    if as_json and out is None:
        raise UsageError("--json: name the file of the rows with --out")
    files.refuse_wrong()
    queue = reviews.NameQueue(queue_id=queue_id)
    with _store(project_of(config)) as store:
        if form in TRAINING_FORMS:
            _export_training(store.call(reviews.pairs, queue), form, files, min_votes=min_votes, as_json=as_json)
            return
        text = VOTE_FORMATS[form](store.call(reviews.export, queue))
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8", newline="")
    click.echo(f"{out}: {max(text.count(chr(10)) - (form == 'csv'), 0)} rows", err=True)


def _export_training(
    pairs: Sequence[ReviewedPair], form: Any, files: ExportFiles, *, min_votes: int, as_json: bool
) -> None:
    from evaluators.review.training_rows import training_rows
    from fairtrial_cli.training_data.exports import lines_of, print_left_out, write_rows

    rows = training_rows(pairs, form, min_votes=min_votes)
    written = write_rows(files, rows)
    if as_json:
        used = {"pairs": len(pairs), "files": written, "masked": rows.masked, "reasons": rows.reasons}
        print_json(used | {"left_out": rows.left_out})
    else:
        if files.rows is None:
            click.echo(lines_of(rows.rows), nl=False)
        for file in written:
            click.echo(f"{file.file}: {counted(file.rows, 'row')}", err=True)
        print_left_out(rows, pairs=len(pairs))
    if not rows.rows:
        click.echo("No pair gives a row.", err=True)
        raise click.exceptions.Exit(1)


def _store(project: Project) -> AbstractContextManager[StoreClient]:
    from fairtrial_cli.store_client.client import open_store

    return open_store(project.layout, project.path)


def _suite_name(suite: str) -> str:
    """The suite's name, read from its file if one is given; raises `ConfigError` for an invalid file."""
    if not suite.endswith(YAML_ENDINGS):
        return suite
    from evaluators.loading.suite_reader import load

    suites = load(Path(suite))
    if len(suites) != 1:
        raise UsageError(
            f"{suite}: has {len(suites)} suites ({', '.join(each.name for each in suites)}); name one of them"
        )
    return suites[0].name


def _required_share(pairs: int) -> str:
    from fairtrial.stats.review.preference import least_significant_rate

    share = least_significant_rate(pairs)
    if share is None:
        return f"These are too few pairs to decide anything: a gate needs at least {MIN_ITEMS}."
    return (
        f"Once all pairs are judged, the candidate counts as better if it is preferred in {share:.0%} or more of them."
    )


def _agreement_hint(shared: int) -> str:
    if shared < MIN_ITEMS:
        return f"To measure agreement, two people must judge at least {MIN_ITEMS} of the same pairs (--overlap)."
    return "For pairs that two people judge, the verdict reports how well they agree."


def _print_status(rows: Sequence[QueueRow]) -> None:
    from rich.console import Console

    from fairtrial_cli.output.terminal import columns, print_table

    cells = [
        (row.queue_id, row.state, row.candidate, row.baseline, row.title, _judged(row), str(row.equal)) for row in rows
    ]
    head = columns("queue", "state", "candidate", "baseline", "title", "judged", "ties by equal answers")
    print_table(Console(), head, cells)


def _judged(row: QueueRow) -> str:
    waiting = f", {row.waiting} wait for a second vote" if row.waiting and row.state == "open" else ""
    return f"{row.judged} of {row.items}{waiting}"
