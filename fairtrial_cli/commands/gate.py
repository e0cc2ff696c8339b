"""The command `fairtrial gate`: one candidate before one gate, and an exit code that a pipeline can obey."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial.domain.errors import UsageError

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial.domain.verdict import Verdict

COLOURS = {"pass": "green", "cannot tell": "yellow", "fail": "red", "invalid": "magenta"}
OUT = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("gate", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--candidate", required=True, help="The target on trial, such as tuned or EXPERIMENT/VARIANT.")
@click.option("--baseline", required=True, help="The target it is compared with: what 'base' means in the lines.")
@click.option("-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path))
@click.option("--run", "run_first", is_flag=True, help="Run the gate's suites on both first.")
@click.option("--junit", type=OUT, help="Write the verdict as JUnit XML.")
@click.option("--markdown", type=OUT, help="Write the verdict as Markdown.")
@click.option("--json", "as_json", type=OUT, help="Write the verdict as JSON; - prints it instead of the table.")
def command(
    gate: Path,
    candidate: str,
    baseline: str,
    config: Path,
    run_first: bool,
    **files: Path | None,
) -> None:
    """Judge a candidate by a gate: SHIP exits 0, BLOCK 1, HOLD 3, INVALID 4; a usage error 2.

    Takes the newest runs of the gate's suites from the store and saves the verdict there.

    \b
    Example:  fairtrial gate suites/support-release.gate.yaml --candidate tuned --baseline base --junit gate.xml
    """
    from fairtrial.config.project import load_project
    from fairtrial_cli.judge_candidate import digests_of, gate_candidate
    from fairtrial_cli.store_client.client import open_owner

    project = load_project(config, os.environ)
    digests_of(project.plan, candidate, baseline)  # both exist, before anything runs
    _check_places(files)
    if run_first:
        _run_suites(project, gate, [baseline, candidate])
    with open_owner(project.layout) as owner:
        owner.ingest_now()
        verdict = gate_candidate(owner, gate, plan=project.plan, candidate=candidate, baseline=baseline)
    _write(verdict, files)
    raise click.exceptions.Exit(verdict.exit_code)


def _run_suites(project: Project, gate: Path, targets: list[str]) -> None:
    from rich.console import Console

    from evaluators.gate.file import load
    from fairtrial_cli.output.progress import showing
    from fairtrial_cli.run_suites import RunOptions, a_gateway, run_suites

    suites, talk = load(gate).suites, Console(stderr=True)
    with a_gateway(project, say=lambda text: talk.print(text)) as base_url, showing(talk) as on_progress:
        run_suites(project, suites, targets, base_url=base_url, options=RunOptions(on_progress=on_progress))


def _check_places(files: dict[str, Path | None]) -> None:
    """Before anything is judged: a report that can't be written must not cost a run, nor look like a verdict."""
    for path in files.values():
        if path is not None and path != Path("-") and not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {str(path.parent)!r}")


def _write(verdict: Verdict, files: dict[str, Path | None]) -> None:
    from evaluators.report import REPORTS

    to_screen = files.get("as_json") == Path("-")
    for option, report in (("junit", "junit"), ("markdown", "markdown"), ("as_json", "json")):
        path = files.get(option)
        if path is not None and path != Path("-"):
            path.write_text(REPORTS.get(report).render(verdict), encoding="utf-8")
    if to_screen:
        click.echo(REPORTS.get("json").render(verdict), nl=False)
    else:
        _print(verdict)


def _print(verdict: Verdict) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(Text(verdict.headline, style="bold"))
    table = Table("result", "rule", "found", box=None, pad_edge=False)
    for one in verdict.findings:
        result = Text(one.result, style=COLOURS[one.result]) if one.decisive else Text("shown", style="dim")
        says = one.says + (f"\nneeded: {one.needed}" if one.needed else "")
        table.add_row(result, Text(f"{one.rule}\n{one.source}"), Text(says))
    console.print(table)
    if verdict.odds is not None:
        console.print(Text(f"By this gate, {verdict.odds}.", style="dim"))
