"""The command `fairtrial check`, which finds errors in configuration, suites and gates before anything runs."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import ConfigError, Diagnostic, FairtrialError, UsageError
from fairtrial.domain.wording import counted
from fairtrial_cli.options import CONFIG, MAP, print_warnings, project_of
from fairtrial_cli.output.checked_project import describe_project, project_json
from fairtrial_cli.own_scorers import add_to_lock
from fairtrial_cli.refused_projects import refuse_project

if TYPE_CHECKING:
    from datetime import date

    from fairtrial.config.file.yaml_file import Document
    from fairtrial.config.project import Project

CHECKERS = {
    "suite": "evaluators.loading.suite_reader",
    "gate": "evaluators.gate.odds",
    "probe": "evaluators.loading.probe_file",
}
"""The module whose ``inspect(path)`` knows a kind of file, by the file's own top-level key."""
ANSWERS_AS_BASE = 3
"""The exit code for a model that is not the one that was trained or judged, as HOLD of `fairtrial gate`."""


@dataclass(frozen=True, slots=True)
class Report:
    """The report on one file: as text, and its ``fields`` beside file and kind as JSON.

    ``equal``: whether a fine-tune answers as its parent, or a judged deployment as another model than then.
    """

    file: Path
    kind: str
    text: str
    warnings: Sequence[Diagnostic]
    fields: Mapping[str, Any] = field(default_factory=dict)
    equal: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"file": str(self.file), "kind": self.kind, **self.fields}


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@MAP
@click.option("--defaults", is_flag=True, help="Also print each setting that the project leaves out, and its default.")
@click.option("--trust-scorers", is_flag=True, help="Let the suites' own scorers run: add them to scorers.lock.")
@click.option("--ask", is_flag=True, help="Also ask each fine-tune and its parent whether they answer as one model.")
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def command(
    files: tuple[Path, ...],
    columns: dict[str, str],
    defaults: bool,
    trust_scorers: bool,
    ask: bool,
    config: Path,
    as_json: bool,
) -> None:
    """Validate project files, and print every error with its line.

    FILES are configurations, suites, gates and families of probes; the default is ./fairtrial.yaml. The exit code is 2
    if there are errors. Warnings, for example about keys that this version ignores, don't change it.

    A suite's own scorer is a program, which runs only if the project's scorers.lock lists its text. Read the program,
    then add it with --trust-scorers.

    With --ask, each deployment with a parent and the parent answer 64 questions of one token through the gateway, until
    they are known to differ. The exit code is 3 if one answers as its parent: its adapter may not be loaded. Each
    judged deployment that serves users is also asked whether it still answers as then; the exit code is 3 if not.

    \b
    Examples:  fairtrial check fairtrial.yaml suites/*.yaml
               fairtrial check suites/theirs.yaml --map question=input --map answer=expected
               fairtrial check --defaults
               fairtrial check suites/polite.yaml --trust-scorers
               fairtrial check --ask
    """
    errors: list[Diagnostic] = []
    reports: list[Report] = []
    for path in files or (Path("fairtrial.yaml"),):
        try:
            report = _check(path, columns)
        except ConfigError as error:
            errors += error.errors
            continue
        reports.append(_with_defaults(report) if defaults and report.kind == "project" else report)
    warnings = list(dict.fromkeys(warning for report in reports for warning in report.warnings))
    if not errors:
        _refuse_unused(columns, defaults, ask, {report.kind for report in reports})
    if trust_scorers and not errors:
        add_to_lock(config, [report.file for report in reports if report.kind == "suite"], columns)
    if ask and not errors:
        reports = [_with_models(report) if report.kind == "project" else report for report in reports]
    _print(reports, errors, warnings, as_json)
    if errors:
        raise click.exceptions.Exit(FairtrialError.exit_code)
    if any(report.equal for report in reports):
        raise click.exceptions.Exit(ANSWERS_AS_BASE)


def _print(
    reports: Sequence[Report], errors: Sequence[Diagnostic], warnings: Sequence[Diagnostic], as_json: bool
) -> None:
    if as_json:
        lists = {
            "mistakes": [asdict(diagnostic) for diagnostic in errors],
            "warnings": [asdict(warning) for warning in warnings],
        }
        click.echo(json.dumps({"ok": not errors, **lists, "files": [report.as_json() for report in reports]}, indent=2))
        return
    click.echo("\n".join(report.text for report in reports), nl=bool(reports))
    print_warnings(warnings)
    for line in [*errors, f"{counted(len(errors), 'error')} found"] if errors else ():
        click.echo(str(line), err=True)


def _with_models(report: Report) -> Report:
    """With what the fine-tunes and their parents answer now, and whether judged deployments still answer as then."""
    from fairtrial_cli.ask_models import ask_judged, ask_project, results_json

    project = project_of(report.file)
    results, judged = ask_project(project), ask_judged(project)
    lines = [line for result in results for line in result.lines]
    lines = lines or ["no deployment has a parent with another definition: none was asked"]
    most = f"at most {project.probe_tokens:,} prompt tokens a day each (control.probe_tokens_per_day)"
    lines += [*(ask.line for ask in judged), f"Judged deployments that serve users are asked daily, by {most}."]
    wrong = any(result.answer == "same" for result in results) or any(ask.words for ask in judged)
    fields = {**report.fields, "models": results_json(results), "judged": results_json(judged)}
    return replace(report, text="\n".join([report.text, *lines]), fields=fields, equal=wrong)


def _refuse_unused(columns: dict[str, str], defaults: bool, ask: bool, kinds: set[str]) -> None:
    if columns and "suite" not in kinds:
        raise UsageError("--map is about the rows of suites, and no file is a suite")
    if defaults and "project" not in kinds:
        raise UsageError("--defaults is about the settings of fairtrial.yaml, and no file is a project")
    if ask and "project" not in kinds:
        raise UsageError("--ask is about the deployments of fairtrial.yaml, and no file is a project")


def _check(path: Path, columns: dict[str, str]) -> Report:
    """``columns`` is for suites. Raises `ConfigError`."""
    kind = _kind(path)
    if kind == "project":
        return _check_project(path)
    summary, warnings = _checker(kind)(path, *([columns] if kind == "suite" else []))
    return Report(path, kind, f"{path}: valid {kind}; {summary}", warnings)


def _with_defaults(report: Report) -> Report:
    from fairtrial_cli.output.default_settings import describe_defaults  # it reads source, which is slow

    settings, text = describe_defaults(project_of(report.file))
    return replace(report, text=report.text + text, fields={**report.fields, "defaults": settings})


def _checker(kind: str) -> Callable[..., tuple[str, list[Diagnostic]]]:
    checker: Callable[..., tuple[str, list[Diagnostic]]] = importlib.import_module(CHECKERS[kind]).inspect
    return checker


def _check_project(path: Path) -> Report:
    from fairtrial.config.plan.retirement import today_utc

    project, today = project_of(path), today_utc(time.time_ns() // 1000)
    refuse_project(path, project)
    for gate in project.release_gates.files() if project.release_gates else ():
        _checker("gate")(gate)
    notes = (*retirement_warnings(project, today), *_against_store(path, project, today))
    warnings = (*project.warnings, *notes)
    return Report(path, "project", describe_project(path, project), warnings, project_json(project))


def retirement_warnings(project: Project, today: date) -> Iterator[Diagnostic]:
    """The deployments that have ended or end within 90 days, with what they serve."""
    from fairtrial.config.file.yaml_file import load_one
    from fairtrial.config.plan.retirement import retirements

    for retirement in retirements(project.plan, today):
        advice = f"compare it with a successor: fairtrial migrate {retirement.deployment} NEW --suite FILE"
        place = ("deployments", retirement.deployment, "shutdown_date")
        yield load_one(project.path).diagnostic(place, retirement.in_words(today), advice)


def _against_store(path: Path, project: Project, today: date) -> list[Diagnostic]:
    """What control would refuse (raises `ConfigError`), and what it would do with running experiments."""
    from fairtrial.api import experiments
    from fairtrial.config.file.yaml_file import load_one
    from fairtrial.config.plan.live_state import Live, lay_over
    from fairtrial.config.plan.published import read
    from fairtrial.experiments.analysis.frozen_guard import paused_by_models, refused_changes
    from fairtrial_cli.store_client.client import open_store
    from fairtrial_cli.store_client.stored import frozen_plans

    document = load_one(path)
    if not project.layout.store.exists():
        _raise_refused(document, refused_changes({}, None, project.plan, promotions={}, today=today))
        return []
    try:
        published = read(project.layout.plan).plan if project.layout.plan.exists() else None
        with open_store(project.layout, path) as store:
            frozen, states = frozen_plans(store), store.call(experiments.states, experiments.ListStates())
    except FairtrialError as error:
        return [
            document.diagnostic((), f"the running experiments could not be read, so edits are not compared: {error}")
        ]
    changed = [state for state in states if state.last_transition or state.state != "running"]
    live = {state.name: Live(state.stage, state.state, state.segment or 1, state.serves) for state in changed}
    lasts = {state.name: state.last_transition for state in states if state.last_transition}
    promotions = {name: last.evidence or {} for name, last in lasts.items() if last.action == "promote"}
    plan = lay_over(project.plan, {name: current for name, current in live.items() if name in frozen or current.serves})
    _raise_refused(document, refused_changes(frozen, published, plan, promotions=promotions, today=today))
    return [
        document.diagnostic(
            ("experiments", name), f"the model of {' and '.join(variants)} is replaced, so control will pause it"
        )
        for name, variants in paused_by_models(frozen, plan).items()
    ]


def _raise_refused(document: Document, refused: dict[str, str]) -> None:
    if refused:
        raise ConfigError([document.diagnostic(("experiments", name), text) for name, text in refused.items()])


def _kind(path: Path) -> str:
    from fairtrial.config.file.yaml_file import load

    documents = load(path)
    value = documents[0].value if documents else None
    if not isinstance(value, dict):
        return "project"
    if "probe" in value and "suite" not in value:
        return "probe"
    if "score" in value or isinstance(value.get("gate"), list):  # even if its first key is misspelt
        return "suite"
    return next((key for key in CHECKERS if key in value), "project")
