"""The command `fairtrial alarms`, which lists and acknowledges alarms, and tests who gets their messages."""

from pathlib import Path

import click

from fairtrial.domain.errors import printable
from fairtrial_cli.options import CONFIG, JSON, print_json, project_of

MOST = 1000
"""The most alarms that are listed."""
UNDELIVERED = 1
"""The exit code of a test that did not reach every target."""


@click.group()
def command() -> None:
    """List and acknowledge alarms, and test who gets their messages.

    \b
    Example:  fairtrial alarms list
    """


@command.command("list")
@click.option("--closed", is_flag=True, help="Also those whose cause has gone, and notices.")
@CONFIG
@JSON
def list_(closed: bool, config: Path, as_json: bool) -> None:
    """List alarms, open ones first, each with what became of its messages.

    \b
    Example:  fairtrial alarms list --closed --json
    """
    from fairtrial.api import alarms
    from fairtrial_cli.store_client.client import open_store

    with open_store(project_of(config).layout) as store:
        rows = store.call(alarms.listing, alarms.ListAlarms(closed=closed, limit=MOST))
    if as_json:
        return print_json(rows)
    for row in rows:
        by = f" by {row.changed_by}" if row.state == "acknowledged" else ""
        click.echo(printable(f"{row.alarm_id}  {row.state}{by}  {row.kind}  since {row.at_time:%Y-%m-%d %H:%M} UTC"))
        click.echo(printable(f"    {row.text}"))
        if row.messages:
            click.echo(printable(f"    messages: {row.messages}"))
    if not rows:
        click.echo("no alarms")
    return None


@command.command()
@click.argument("alarm_id")
@click.option("--why", required=True, help="What you know about it, in one sentence.")
@CONFIG
@JSON
def ack(alarm_id: str, why: str, config: Path, as_json: bool) -> None:
    """Acknowledge an alarm with your name, which ends repetitions.

    \b
    Example:  fairtrial alarms ack 0197… --why "Rosa looks into it"
    """
    from fairtrial.api import alarms
    from fairtrial_cli.store_client.client import open_store

    with open_store(project_of(config).layout) as store:
        done = store.call(alarms.acknowledge, alarms.AcknowledgeAlarm(alarm_id=alarm_id, why=why))
    if as_json:
        return print_json(done)
    click.echo(f"{done.alarm_id} is {done.state}")
    return None


@command.command()
@click.argument("target", required=False)
@CONFIG
@JSON
@click.pass_context
def test(context: click.Context, target: str | None, config: Path, as_json: bool) -> None:
    """Send a test message to all targets of alarms, or to TARGET, at once. Exit code 1: one did not get it.

    Control sends it, with the environment that control has. While control is stopped, this command does.

    \b
    Example:  fairtrial alarms test oncall
    """
    from fairtrial.api import alarms
    from fairtrial_cli.store_client.client import open_store

    project = project_of(config)
    with open_store(project.layout, config=project.path) as store:
        tested = store.call(alarms.test, alarms.TestAlarms(target=target))
    if as_json:
        print_json(tested)
    else:
        for row in tested:
            click.echo(printable(f"{row.target}: {row.delivery}{f' ({row.reason})' if row.reason else ''}"))
    if any(row.delivery != "delivered" for row in tested):
        context.exit(UNDELIVERED)
