"""The command `fairtrial review`: pairs of answers for people to judge blind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError

if TYPE_CHECKING:
    from fairtrial.config.project import Project

CONFIG = click.option(
    "-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path), help="The project."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
YAML_ENDINGS = (".yaml", ".yml")


@click.group()
def command() -> None:
    """Have people judge pairs of answers without knowing which model wrote them.

    \b
    Example:  fairtrial review enqueue support-tickets --candidate tuned --baseline base --size 40
    """


@command.command()
@click.argument("suite")
@click.option("--candidate", required=True, help="The target on trial, such as tuned or EXPERIMENT/VARIANT.")
@click.option("--baseline", required=True, help="The target beside it.")
@click.option("--size", default=40, show_default=True, type=click.IntRange(1, 5000), help="How many pairs.")
@click.option("--seed", type=click.IntRange(0), help="Draw the same cases again; default: a new one, which is kept.")
@click.option("--title", help="What reviewers read; it must not name a model.")
@click.option(
    "--overlap",
    type=click.FloatRange(0, 1),
    help="Share that two people judge; default: a fifth, but at least 12 pairs or half of the queue.",
)
@CONFIG
@JSON
def enqueue(suite: str, config: Path, as_json: bool, **wish: Any) -> None:
    """Fill a queue from the newest runs of both on SUITE, which is a suite's name or its file.

    \b
    Example:  fairtrial review enqueue support-tickets --candidate tuned --baseline base --size 40
    """
    project = _project(config)
    wished = {name: value for name, value in wish.items() if value is not None} | {"suite": _suite_name(suite)}
    with _owner(project) as owner:
        owner.ingest_now()
        made = owner.reviews.enqueue(wished, project.plan)
    if as_json:
        _print_json(made)
        return
    drawn = made["sampling"]
    pairs = f"{made['items']} of {drawn['of']} pairs at random, {drawn['shared']} for two people"
    click.echo(f"queue {made['queue_id']}: {made['title']!r}, {pairs}")
    click.echo(_what_it_can_show(made["items"]), err=True)
    click.echo(_how_far_people_agree(drawn["shared"]), err=True)
    click.echo("Reviewers find it on the dashboard's page Review. How far it is: fairtrial review status", err=True)


@command.command()
@CONFIG
@JSON
def status(config: Path, as_json: bool) -> None:
    """Every queue: whom it compares, and how far it is.

    \b
    Example:  fairtrial review status --json
    """
    with _owner(_project(config)) as owner:
        rows = owner.reviews.listing()
    if as_json:
        _print_json(rows)
    elif rows:
        _print_status(rows)
    else:
        click.echo("no review yet; fill one: fairtrial review enqueue SUITE --candidate TARGET --baseline TARGET")


@command.command()
@click.argument("queue_id")
@CONFIG
@JSON
def close(queue_id: str, config: Path, as_json: bool) -> None:
    """End a queue for good: nobody votes in it any more, gates read it, and it may be exported.

    \b
    Example:  fairtrial review close 3f9c0a1b2c3d4e5f60718293
    """
    with _owner(_project(config)) as owner:
        closed = owner.reviews.close(queue_id)
    if as_json:
        _print_json(closed)
        return
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in closed["preferences"].items())
    click.echo(f"queue {queue_id} is closed with {closed['votes']} votes{': ' if counts else ''}{counts}")


@command.command()
@click.argument("queue_id")
@click.option("--format", "form", default="jsonl", show_default=True, type=click.Choice(["jsonl", "csv", "dpo"]))
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: the screen.")
@CONFIG
def export(queue_id: str, form: str, out: Path | None, config: Path) -> None:
    """Write a closed queue with its models told: jsonl and csv have a row for each vote.

    dpo has prompt, chosen and rejected of the pairs on which all agree, without ties and flagged ones.

    \b
    Example:  fairtrial review export 3f9c0a1b2c3d4e5f60718293 --format dpo -o preferences.jsonl
    """
    from fairtrial_cli.output.review_export import FORMATS

    if out is not None and not out.parent.is_dir():
        raise UsageError(f"{out}: there is no folder {str(out.parent)!r}")
    with _owner(_project(config)) as owner:
        text = FORMATS[form](owner.reviews.rows(queue_id))
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8", newline="")
    click.echo(f"{out}: {max(text.count(chr(10)) - (form == 'csv'), 0)} rows", err=True)


def _project(config: Path) -> Project:
    from fairtrial.config.project import load_project

    return load_project(config, os.environ)


def _owner(project: Project) -> Any:
    from fairtrial_cli.store_client.client import open_owner

    return open_owner(project.layout)


def _suite_name(suite: str) -> str:
    """The name, also of a suite's file; raises `ConfigError` for a file with mistakes."""
    if not suite.endswith(YAML_ENDINGS):
        return suite
    from evaluators.loading.suite_reader import load

    found = load(Path(suite))
    if len(found) != 1:
        raise UsageError(f"{suite}: has {len(found)} suites ({', '.join(one.name for one in found)}); name one of them")
    return found[0].name


def _what_it_can_show(pairs: int) -> str:
    from fairtrial.stats.review.preference import MIN_ITEMS, shown_from

    share = shown_from(pairs)
    if share is None:
        return f"So few pairs decide nothing: a gate reads {MIN_ITEMS} or more."
    return (
        f"Once all are judged, the candidate is shown to be better if it is preferred in {share:.0%} or more of them."
    )


def _how_far_people_agree(shared: int) -> str:
    from fairtrial.stats.agreement.rating_table import MIN_ITEMS

    if shared < MIN_ITEMS:
        return f"So few pairs for two people can't show how far they agree: that takes {MIN_ITEMS} or more (--overlap)."
    return "Where two people judge the same pairs, the verdict says how far they agree."


def _print_status(rows: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("title", "candidate", "baseline", "state", "judged", box=None)
    table.add_column("queue", no_wrap=True)  # it is typed in other commands
    for row in rows:
        judged = f"{row['judged']} of {row['items']}"
        names = ("title", "candidate", "baseline", "state")
        table.add_row(*(Text(str(row[name])) for name in names), judged, row["queue_id"])
    Console().print(table)


def _print_json(value: Any) -> None:
    import msgspec

    click.echo(msgspec.json.encode(value).decode())
