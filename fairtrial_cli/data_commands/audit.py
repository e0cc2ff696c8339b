"""The command `fairtrial data audit`, which finds what is wrong with training data."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evaluators.training_data.provider_rules.training import Training
from fairtrial.domain.errors import UsageError
from fairtrial_cli.options import JSON, WrittenPath, project_of
from fairtrial_cli.training_data.data_files import COMPLETION, PROMPT, named_columns, show_busy, training_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluators.training_data.audit_report import AuditReport
    from evaluators.training_data.example_file import ExampleFile
    from fairtrial.domain.training_data import Waiver

NOT_CLEAN = 1
"""The exit code if an issue is an error or a warning."""
FORMATS = ("completion", "chat", "alpaca", "sharegpt", "openai", "together", "fireworks", "preference")
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@dataclass(frozen=True, slots=True)
class Naming:
    """The format of the files, and their columns with the prompt and the completion, where they are not recognised."""

    format: str | None = None
    columns: tuple[str, str] | None = None


USUAL = Naming()
NO_TRAINING = Training()


@click.command()
@click.argument("files", nargs=-1, type=FILE)
@click.option("--deployment", metavar="NAME", help="Audit the files of its lineage, and store the result for gates.")
@click.option(
    "-c",
    "--config",
    default="fairtrial.yaml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The project file, for --deployment.",
)
@click.option("--validation", multiple=True, type=FILE, help="A held-out file; may be repeated.")
@click.option("--suite", "suites", multiple=True, type=FILE, help="A suite's YAML file; may be repeated.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="The format of FILES, instead of recognising it.")
@PROMPT
@COMPLETION
@training_options
@click.option("--html", type=WrittenPath(dir_okay=False), help="Also write the report as one HTML file.")
@JSON
def command(
    files: tuple[Path, ...],
    deployment: str | None,
    config: Path,
    validation: tuple[Path, ...],
    suites: tuple[Path, ...],
    format_: str | None,
    prompt: str | None,
    completion: str | None,
    training: Training,
    html: Path | None,
    as_json: bool,
) -> None:
    """Find faults in training data before a model learns from it.

    FILES together are the training set. It looks for personal text and secrets, duplicates, rows that are also in
    held-out files or suites, contradicting labels, one wrong pattern repeated, inconsistent formats, and empty or
    truncated completions. It also shows the classes, the lengths and the languages, and what so many rows are good for.
    It needs no model and no project.

    FILES are JSON Lines, JSON, CSV or Parquet. The exit code is 0 without errors and warnings, 1 with any, and 2 for a
    usage error.

    \b
    Examples:  fairtrial data audit tickets.csv
               fairtrial data audit export.csv --prompt Ticket --completion Team
               fairtrial data audit train.jsonl replay.jsonl --validation val.jsonl --suite suites/support.yaml
               fairtrial data audit train.jsonl --html audit.html --json
               fairtrial data audit train.jsonl --for openai --model gpt-4.1-mini-2025-04-14 --epochs 3
               fairtrial data audit --deployment tuned -c fairtrial.yaml
    """
    if deployment is None:
        if not files:
            raise UsageError("name the FILES of the training set, or --deployment NAME for those of its lineage")
        naming = Naming(format_, named_columns(prompt, completion))
        audited = audit_files(files, validation=validation, suites=suites, naming=naming, training=training, html=html)
        show_report(audited, html=html, as_json=as_json)
        report = audited.report
    else:
        if files or validation or format_ or prompt or completion:
            raise UsageError("--deployment audits the files of its lineage (leave out FILES and their options)")
        report = _audit_deployment(config, deployment, suites, training, html=html, as_json=as_json)
    if not report.clean:
        raise click.exceptions.Exit(NOT_CLEAN)


def _audit_deployment(
    config: Path, name: str, suites: Sequence[Path], training: Training, *, html: Path | None, as_json: bool
) -> AuditReport:
    """Audit the files of the lineage, and store the result."""
    from evaluators.training_data.audited_deployment import find_deployment
    from fairtrial_cli.training_data.audit import store_audit, stored_sentence

    audited = find_deployment(project_of(config), name)
    start = time.monotonic()
    waivers = audited.lineage.waivers
    audit = audit_files(
        audited.train, validation=audited.validation, suites=suites, training=training, waivers=waivers, html=html
    )
    report, seconds = audit.report, time.monotonic() - start
    stored = store_audit(audited, report, seconds)
    about: dict[str, Any] = {"deployment": name, "audit_id": stored.audit_id, "clean": stored.clean, "seconds": seconds}
    about |= {"training_cost": audited.lineage.cost}
    show_report(audit, html=html, as_json=as_json, about=about)
    if not as_json:
        click.echo(stored_sentence(audited, stored, seconds))
    return report


@dataclass(frozen=True, slots=True)
class Audited:
    """An audit with the files that it read."""

    report: AuditReport
    files: Sequence[ExampleFile]


def audit_files(
    files: Sequence[Path],
    *,
    validation: Sequence[Path] = (),
    suites: Sequence[Path] = (),
    naming: Naming = USUAL,
    training: Training = NO_TRAINING,
    waivers: Sequence[Waiver] = (),
    html: Path | None = None,
) -> Audited:
    """Read all files and audit them, with a progress bar. A path for HTML that can't be written is refused before."""
    from evaluators.training_data.audit import audit
    from evaluators.training_data.provider_rules.check import training_checks
    from fairtrial_cli.output.terminal import step_progress
    from fairtrial_cli.training_data.data_files import read_suite, refuse_existing

    if html is not None:
        refuse_existing([html], sources=[*files, *validation, *suites], force=True)
    train = [_read(path, naming) for path in files]
    held_out = [_read(path, naming) for path in validation]
    cases = [read_suite(path) for path in suites]
    also = training_checks(training)
    with step_progress("auditing") as on_progress:
        report = audit(train, validation=held_out, suites=cases, also=also, on_progress=on_progress, waivers=waivers)
    return Audited(report, (*train, *held_out, *cases))


def show_report(audited: Audited, *, html: Path | None, as_json: bool, about: Mapping[str, Any] | None = None) -> None:
    """Print the report, and write it as HTML if there is a path for it. JSON has ``about``, too."""
    from fairtrial_cli.training_data.audit import print_audit, report_as_json
    from fairtrial_cli.training_data.audit_page import audit_page
    from fairtrial_cli.training_data.data_files import print_unreadable, write_files

    report = audited.report
    if html is not None:
        write_files({html: audit_page(report, audited.files).encode()})
    if as_json:
        click.echo(report_as_json(report, about))
        return
    print_audit(report)
    print_unreadable(report)
    if html is not None:
        click.echo(f"written: {html}")


def _read(path: Path, naming: Naming) -> ExampleFile:
    from evaluators.training_data.example_file import read_examples

    with show_busy(f"reading {path.name}"):
        return read_examples(path, format=naming.format, columns=naming.columns)
