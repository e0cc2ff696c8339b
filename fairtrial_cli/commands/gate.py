"""The command `fairtrial gate`, which judges a candidate and returns an exit code for pipelines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.core import ParameterSource

from fairtrial.domain.errors import UsageError, printable
from fairtrial_cli.options import CONFIG, MAP, project_of
from fairtrial_cli.own_scorers import OWN_SCORERS, admit_scorers

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial.domain.verdicts.approvals import ApprovalState
    from fairtrial.domain.verdicts.verdict import Verdict

OUT = click.Path(path_type=Path, dir_okay=False)
YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where a verdict is written; ``-`` as the JSON file is the screen."""

    junit: Path | None
    markdown: Path | None
    as_json: Path | None

    @property
    def to_screen(self) -> bool:
        return self.as_json == Path("-")


FILES_ONLY = ("margin", "better", "measures", "shared_only", "columns")
"""The options of two files; a gate file says the same in its lines."""


@click.command()
@click.argument("gate", metavar="GATE | OLD NEW", type=click.Path(path_type=Path))
@click.argument("new", required=False, metavar="", type=click.Path(path_type=Path))
@click.option("--candidate", help="The target to judge, such as tuned or EXPERIMENT/VARIANT.")
@click.option("--baseline", help="The target to compare with, which the gate's lines call 'base'.")
@CONFIG
@click.option("--run", "run_first", is_flag=True, help="Run the gate's suites on both targets first.")
@OWN_SCORERS
@click.option("--allow-unapproved", is_flag=True, help="Exit with 0 for a SHIP that waits for approvals.")
@click.option("--self-test", is_flag=True, help="Only print how often an identical model would pass; judge nothing.")
@click.option("--margin", help="Two files: how much worse NEW may be; 5pp by default, which is 5 % of a scale.")
@click.option("--better", is_flag=True, help="Two files: require that NEW is better, with --margin by that much.")
@click.option("--measure", "measures", multiple=True, help="Two files: compare only this score; repeatable.")
@click.option("--shared", "shared_only", is_flag=True, help="Two files: leave out the cases of only one file.")
@MAP
@click.option("--junit", type=OUT, help="Write the verdict as JUnit XML.")
@click.option("--markdown", type=OUT, help="Write the verdict as Markdown.")
@click.option("--json", "as_json", type=OUT, help="Write the verdict as JSON; - prints it instead of the table.")
def command(
    gate: Path, new: Path | None, junit: Path | None, markdown: Path | None, as_json: Path | None, **options: Any
) -> None:
    """Judge a candidate by a gate, and store the verdict.

    It reads the newest runs in the store. The exit code is 0 for SHIP, 1 for BLOCK, 3 for HOLD, 4 for INVALID, and 2
    for a usage error. If the gate names approvers, a SHIP waits for them, and the exit code is 5. Approvals of an
    earlier verdict on equal evidence count.

    With two files of results, OLD and NEW, it compares them without a project, and stores nothing. A file is JSON Lines
    or CSV with an id and a score, or an answer and its reference; or what promptfoo, Inspect, lm-eval or OpenAI evals
    wrote.

    With --self-test it simulates how often an identical model would pass, by the stored runs, and which rules hold it
    back. Without --candidate and --baseline it assumes how many cases differ. The exit code is then 0.

    \b
    Examples:  fairtrial gate suites/support-release.gate.yaml --candidate tuned --baseline base --junit gate.xml
               fairtrial gate old.jsonl new.jsonl
    """
    files = ReportFiles(junit, markdown, as_json)
    of_files = {name: options.pop(name) for name in FILES_ONLY}
    if new is not None:
        _judge_files(gate, new, options, of_files, files=files)
    given = next((name for name, value in of_files.items() if value), None)
    if given is not None:
        raise click.UsageError(f"{_written(given)}: this option is for two files of results (fairtrial gate OLD NEW).")
    _judge_gate(gate, files=files, **options)


def _written(option: str) -> str:
    """The option as a person writes it."""
    parameter = next(parameter for parameter in command.params if parameter.name == option)
    return parameter.opts[-1]


def _judge_files(
    old: Path, new: Path, options: dict[str, Any], of_files: dict[str, Any], *, files: ReportFiles
) -> NoReturn:
    """Judge two files of results, which need no project."""
    import time

    from evaluators.report_content.content import REPORTS
    from evaluators.result_files.judged_files import FileOptions, judge_files, next_step, report_content
    from fairtrial.domain.verdicts.approvals import approval_state

    context = click.get_current_context()
    for name in options:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{_written(name)}: this option is for a gate file, not for two files of results.")
    if old.suffix in YAML:
        raise click.UsageError(f"{old} is a gate, which is judged with --candidate and --baseline, not with {new}.")
    _check_places(files, old, new)
    judged = judge_files(old, new, FileOptions(**of_files), at_us=time.time_ns() // 1000)
    for note in judged.notes:
        click.echo(f"{printable(note)}.", err=True)
    if files.markdown is not None:
        files.markdown.write_text(REPORTS.get("markdown").render_content(report_content(judged)), encoding="utf-8")
    _write(judged.verdict, approval_state((), ()), replace(files, markdown=None))
    if not files.to_screen:
        click.echo(f"Next: {next_step(judged.verdict, old, new)}")
    raise click.exceptions.Exit(judged.verdict.exit_code)


def _judge_gate(
    gate: Path,
    *,
    candidate: str | None,
    baseline: str | None,
    config: Path,
    run_first: bool,
    allow_unapproved: bool,
    self_test: bool,
    files: ReportFiles,
) -> None:
    if self_test:
        _self_test(gate, config, candidate, baseline, run_first=run_first, files=files)
        return
    if candidate is None and gate.suffix not in YAML:
        raise click.UsageError(f"Missing argument 'NEW': a second file of results, or a gate instead of {gate}.")
    if candidate is None or baseline is None:
        raise click.UsageError(f"Missing option '{'--candidate' if candidate is None else '--baseline'}'.")
    from fairtrial.api import verdicts
    from fairtrial.api.operation import Nothing
    from fairtrial.api.store import ingest
    from fairtrial.domain.verdicts.approvals import exit_code_of
    from fairtrial_cli.store_client.client import open_store
    from fairtrial_cli.store_client.stored import judge_gate_file
    from gateway.control.verdicts.gate_file import digests_of

    project = project_of(config)
    digests_of(project.plan, candidate, baseline)  # fails early for unknown targets
    _check_places(files)
    if run_first:
        _run_suites(project, gate, [baseline, candidate])
    with open_store(project.layout, project.path) as store:
        store.call(ingest, Nothing())
        verdict = judge_gate_file(store, gate, project, candidate=candidate, baseline=baseline)
        record = store.call(verdicts.record, verdicts.NameVerdict(verdict_id=verdict.verdict_id))
    approvals = record.approvals.state
    _write(verdict, approvals, files)
    if not files.to_screen:
        click.echo(f"Read on: fairtrial verdict show {verdict.verdict_id}")
    raise click.exceptions.Exit(exit_code_of(verdict.decision, approvals, allow_unapproved=allow_unapproved))


def _self_test(
    gate: Path,
    config: Path,
    candidate: str | None,
    baseline: str | None,
    *,
    run_first: bool,
    files: ReportFiles,
) -> None:
    from fairtrial_cli.output.gate_odds import self_test

    for name, given in (("--run", run_first), ("--junit", files.junit), ("--markdown", files.markdown)):
        if given:
            raise UsageError(f"{name}: --self-test judges nothing, so only --json applies")
    _check_places(files)
    self_test(gate, config, candidate=candidate, baseline=baseline, out=files.as_json)


def _run_suites(project: Project, gate: Path, targets: list[str]) -> None:
    from rich.console import Console

    from evaluators.gate.file import load
    from fairtrial_cli.output.runs import print_first_errors
    from fairtrial_cli.run_on_terminal import run_on_terminal
    from fairtrial_cli.run_suites import RunOptions
    from fairtrial_cli.store_client.client import open_store

    suites = load(gate).suites
    admit_scorers(project.path, suites)
    finished = run_on_terminal(project, suites, targets, RunOptions(open_store))
    print_first_errors(Console(stderr=True), [run for _, run in finished])


def _check_places(files: ReportFiles, *read: Path) -> None:
    """Check the report paths first, so that an unwritable one neither wastes a run nor looks like a verdict."""
    for option, path in asdict(files).items():
        if option != "as_json" and path == Path("-"):
            raise UsageError(f"--{option} -: only --json can be printed (a path, such as gate.{option})")
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {str(path.parent)!r}")
        if path is not None and path.resolve() in [other.resolve() for other in read]:
            raise UsageError(f"{path}: a report would replace this file of results")


def _write(verdict: Verdict, approvals: ApprovalState, files: ReportFiles) -> None:
    from evaluators.report_content.content import REPORTS
    from fairtrial.documents.verdict import describe_judgement
    from fairtrial_cli.output.document import print_document

    for path, report in ((files.junit, "junit"), (files.markdown, "markdown"), (files.as_json, "json")):
        if path is not None and path != Path("-"):
            path.write_text(REPORTS.get(report).render(verdict, approvals), encoding="utf-8")
    if files.to_screen:
        click.echo(REPORTS.get("json").render(verdict, approvals), nl=False)
    else:
        print_document(describe_judgement(verdict, approvals))
