"""The command `fairtrial verdict`, which lists, shows, approves, recomputes, verifies and exports verdicts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial_cli.options import CONFIG, JSON, WHY, WrittenPath, print_indented, project_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from fairtrial.api.verdict_answers import Integrity, ReleaseRecord
    from fairtrial.domain.verdicts.approvals import ApprovalVote
    from fairtrial_cli.store_client.client import StoreClient
    from gateway.control.verdicts.export_check import ExportCheck

CHANGED = 1
"""The exit code if a verdict can't be reproduced, or was changed."""


@click.group()
def command() -> None:
    """List, show, approve, export and check verdicts.

    ID is a verdict's id or its beginning.

    \b
    Examples:  fairtrial verdict list --gate support-release
               fairtrial verdict approve 0199f3c2 --why "read 40 answers"
    """


@command.command("list")
@click.option("--gate", help="Only verdicts of the gate of this name.")
@click.option("--candidate", help="Only verdicts on this candidate.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="The number of verdicts.")
@CONFIG
@JSON
def list_(gate: str | None, candidate: str | None, limit: int, config: Path, *, as_json: bool) -> None:
    """List verdicts, newest first, with their approvals.

    It also says whether their gate is the official one.

    \b
    Example:  fairtrial verdict list --candidate tuned
    """
    from fairtrial.api import verdicts
    from fairtrial_cli.output.verdict import print_list

    request = verdicts.ListVerdicts(gate=gate, candidate=candidate, limit=limit)
    with _open(config) as store:
        rows = store.call(verdicts.listing, request)
    print_indented(rows) if as_json else print_list(rows)


@command.command()
@click.argument("verdict_id", metavar="ID")
@CONFIG
@JSON
def show(verdict_id: str, config: Path, *, as_json: bool) -> None:
    """Show the verdict ID and what it rests on.

    It prints how the verdict reads now, every rule, the evidence, the approvals, and what has changed since.

    \b
    Example:  fairtrial verdict show 0199f3c2
    """
    from fairtrial.api import verdicts

    with _open(config) as store:
        record = store.call(verdicts.record, verdicts.NameVerdict(verdict_id=verdict_id))
    _print_record(record, as_json=as_json)


def _vote_command(vote: ApprovalVote, summary: str, why: str) -> click.Command:
    @click.argument("verdict_id", metavar="ID")
    @WHY
    @CONFIG
    @JSON
    def cast(verdict_id: str, why: str, config: Path, *, as_json: bool) -> None:
        from fairtrial.api import verdicts

        with _open(config) as store:
            store.call(verdicts.vote, verdicts.Vote(verdict_id=verdict_id, vote=vote, why=why))
            record = store.call(verdicts.record, verdicts.NameVerdict(verdict_id=verdict_id))
        _print_record(record, as_json=as_json, head_only=True)

    example = f'fairtrial verdict {vote} 0199f3c2 --why "{why}"'
    text = f"{summary}\n\nThe last vote of each person counts.\n\n\b\nExample:  {example}"
    return click.command(vote, help=text)(cast)


command.add_command(_vote_command("approve", "Approve the verdict ID, which must be a SHIP.", "read 40 answers"))
command.add_command(
    _vote_command("reject", "Reject the verdict ID, so that it can't be promoted.", "the refund answers are rude")
)


@command.command()
@click.argument("verdict_id", metavar="ID")
@CONFIG
@JSON
def recompute(verdict_id: str, config: Path, *, as_json: bool) -> None:
    """Judge the verdict ID again from its stored evidence.

    It compares every number, and stores nothing. The looks of its live experiments are repeated from their stored sums.
    The first line is THE SAME or CHANGED, and then each difference is named. The exit code is 1 if anything differs.

    \b
    Example:  fairtrial verdict recompute 0199f3c2
    """
    from fairtrial.api import verdicts
    from fairtrial_cli.output.verdict import print_recomputed

    with _open(config) as store:
        recomputation = store.call(verdicts.recomputation, verdicts.NameVerdict(verdict_id=verdict_id))
    print_indented(recomputation) if as_json else print_recomputed(recomputation)
    raise click.exceptions.Exit(0 if recomputation.same else CHANGED)


@command.command()
@click.argument("verdict", metavar="[ID|PATH]", required=False)
@CONFIG
@JSON
def verify(verdict: str | None, config: Path, *, as_json: bool) -> None:
    """Check that verdicts and their evidence are unchanged.

    It checks all verdicts in the store, one by its ID, or PATH. PATH is an exported file or folder. It is checked
    without a store, on any machine. For verdicts in the store, the audit trail is checked, too, and every transition,
    approval, look, plan and alarm with it. Each changed, added or removed row is named. Rows of earlier versions
    without a digest are counted.

    The heads of the hash chains are printed. Keep them elsewhere: only they show that a chain was replaced together
    with the rows. The exit code is 1 if anything was changed.

    \b
    Examples:  fairtrial verdict verify
               fairtrial verdict verify verdict-0199f3c2.html
    """
    from fairtrial_cli.output.verdict import print_export_check, print_integrity
    from gateway.control.verdicts.export_check import check_export

    result: ExportCheck | Integrity
    if verdict is not None and Path(verdict).exists():
        result = exported = check_export(Path(verdict))
        show = partial(print_export_check, exported)
    else:
        with _open(config) as store:
            result = stored = _integrity(store, verdict)
        show = partial(print_integrity, stored)
    print_indented(result) if as_json else show()
    raise click.exceptions.Exit(0 if result.intact else CHANGED)


@command.command()
@click.argument("verdict_id", metavar="ID")
@click.option("--to", type=WrittenPath(dir_okay=False), help="The file; by default verdict-ID.html.")
@click.option("--folder", type=WrittenPath(file_okay=False), help="Write a folder with all parts instead.")
@CONFIG
def export(verdict_id: str, to: Path | None, folder: Path | None, config: Path) -> None:
    """Export the verdict ID for an auditor.

    It writes one printable HTML file, or a folder with all parts as files. Both contain the stored verdict, its
    evidence and its place in the hash chain. `fairtrial verdict verify PATH` checks them without the store.

    \b
    Examples:  fairtrial verdict export 0199f3c2 --to release-7.html
               fairtrial verdict export 0199f3c2 --folder release-7
    """
    from fairtrial.api import verdicts
    from gateway.control.verdicts.export_check import write_folder

    if to is not None and folder is not None:
        raise click.UsageError("--to and --folder exclude each other")
    with _open(config) as store:
        html = store.call(verdicts.export, verdicts.NameVerdict(verdict_id=verdict_id)).decode()
    if folder is not None:
        write_folder(html, folder)
    else:
        to = to or Path(f"verdict-{verdict_id}.html")
        _write(to, html)
    click.echo(f"exported to {folder or to}; check it anywhere with: fairtrial verdict verify {folder or to}")


def _integrity(store: StoreClient, verdict_id: str | None) -> Integrity:
    from fairtrial.api import verdicts
    from fairtrial.api.operation import Nothing

    if verdict_id is None:
        return store.call(verdicts.integrity, Nothing())
    return store.call(verdicts.integrity_of, verdicts.NameVerdict(verdict_id=verdict_id))


def _write(path: Path, html: str) -> None:
    from fairtrial.domain.errors import UsageError

    try:
        path.write_bytes(html.encode())
    except OSError as error:
        raise UsageError(f"{path}: it can't be written ({error.strerror})") from error


def _open(config: Path) -> AbstractContextManager[StoreClient]:
    from fairtrial_cli.store_client.client import open_store

    return open_store(project_of(config).layout, config)


def _print_record(record: ReleaseRecord, *, as_json: bool, head_only: bool = False) -> None:
    from msgspec import to_builtins

    from fairtrial.documents.release_record import describe_record, describe_votes
    from fairtrial.domain.verdicts.verdict_json import plain_values
    from fairtrial_cli.output.document import print_document

    if as_json:
        print_indented(to_builtins(record) | {"verdict": plain_values(record.verdict)})
    elif head_only:
        print_document(describe_votes(record.verdict, record))
    else:
        print_document(describe_record(record.verdict, record, record.chain))
