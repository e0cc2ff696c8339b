"""Finds, reads and writes the files of the `fairtrial data` commands, with the options that they share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evaluators.training_data.example import Example, text_of
from evaluators.training_data.example_file import ExampleFile, read_examples, shown_errors
from evaluators.training_data.provider_rules.training import Training
from fairtrial.domain.errors import UsageError, printable
from fairtrial.domain.wording import counted
from fairtrial.named_files import read_named
from fairtrial.safe_files import PRIVATE, replace_files
from fairtrial_cli.options import NumberOption

if TYPE_CHECKING:
    from evaluators.training_data.audit_report import AuditReport
    from fairtrial.config.project import Project
    from fairtrial.domain.plan import Deployment
    from fairtrial.domain.run import Case
    from fairtrial.domain.training_data import Lineage


TABLES = (".csv", ".tsv", ".parquet", ".xlsx")
"""Names of other kinds of files, which rows may not be written to."""
FORCE = click.option("--force", is_flag=True, help="Replace existing files.")
SKIP_UNREADABLE = click.option(
    "--skip-unreadable", is_flag=True, help="Leave out rows that can't be read. Without it, they are an error."
)
PROMPT = click.option("--prompt", metavar="COLUMN", help="The column with the prompt, if it has another name.")
COMPLETION = click.option(
    "--completion", metavar="COLUMN", help="The column with the completion, if it has another name."
)


def named_columns(prompt: str | None, completion: str | None) -> tuple[str, str] | None:
    """The two columns, or ``None`` if neither is named; raises `UsageError` for one alone."""
    if prompt is None and completion is None:
        return None
    if prompt is None or completion is None:
        given, missing = ("prompt", "completion") if prompt else ("completion", "prompt")
        raise UsageError(f"--{given} needs --{missing}, too")
    if prompt == completion:
        raise UsageError(f"--prompt and --completion both name the column {prompt!r}")
    return prompt, completion


def read_source(
    path: Path, *, skip_unreadable: bool, columns: tuple[str, str] | None = None, outcome: str = "and left out"
) -> ExampleFile:
    """The examples of a file; raises `UsageError` for rows that can't be read, unless they are skipped.

    ``outcome``: what then becomes of them.
    """
    with show_busy(f"reading {path.name}"):
        file = read_examples(path, columns=columns)
    lines = unreadable_rows([*map(str, file.errors)], path)
    if lines and not skip_unreadable:
        raise UsageError("\n".join(lines))
    if lines:
        click.echo(f"{path}: {counted(len(file.errors), 'row')} can't be read {outcome}:", err=True)
        click.echo("\n".join(f"  {printable(line)}" for line in lines), err=True)
    return file


def unreadable_rows(errors: Sequence[str], path: Path) -> list[str]:
    """A line for each unreadable row, up to a limit."""
    return shown_errors(errors, f" (fairtrial data audit {path} --json lists all)")


def print_unreadable(report: AuditReport) -> None:
    """Print each unreadable row of an audit with its reason."""
    for issue in report.issues:
        errors = [f"{issue.file}:{error}" for error in issue.details.get("errors", ())]
        for line in unreadable_rows(errors, Path(issue.file)):
            click.echo(printable(line))


@contextmanager
def show_busy(what: str) -> Iterator[None]:
    """Show that work is being done; nothing is drawn without a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(what):
        yield


def beside(source: Path, ending: str) -> Path:
    """The path for a result: ``tickets.csv`` gives ``tickets.train.jsonl`` for the ending ``train.jsonl``."""
    return source.with_name(f"{source.name.removesuffix(source.suffix)}.{ending}")


def refuse_existing(paths: Iterable[Path], *, sources: Iterable[Path], force: bool) -> None:
    """Raise `UsageError` if two results have one path, if one is a source, or if one exists and ``force`` is false."""
    named = [path.resolve() for path in paths]
    read = {path.resolve() for path in sources}
    for at, path in enumerate(named):
        if path in read:
            raise UsageError(f"{path}: this file is read, so it can't be written (name another file)")
        if path in named[:at]:
            raise UsageError(f"{path}: two results have this name (name another file)")
        if path.is_dir():
            raise UsageError(f"{path}: is a folder (name a file)")
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: is not a regular file (name a file)")
        if not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}")
        if path.exists() and not force:
            raise UsageError(f"{path}: the file exists (--force replaces it, or name another file)")


def refuse_row_files(paths: Sequence[Path], *, sources: Iterable[Path], force: bool) -> None:
    """As `refuse_existing`, and raise `UsageError` if a file of rows has the name of another kind of file."""
    refuse_existing(paths, sources=sources, force=force)
    for path in paths:
        if path.suffix.lower() in TABLES or path.name == "-":
            raise UsageError(f"{path}: rows are written as JSON Lines (name a file that ends with .jsonl)")


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write all files, each completely, or none of them."""
    try:
        replace_files(contents, mode=PRIVATE)
    except OSError as error:
        raise UsageError(f"{', '.join(map(str, contents))}: can't be written: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class TrainingExamples:
    """The examples of a fine-tune, the held-out ones, and how many rows could not be read."""

    train: tuple[Example, ...]
    held_out: tuple[Example, ...]
    unreadable: int


def training_examples(
    project: Project, candidate: str, *, train: Sequence[Path], held_out: Sequence[Path], option: str
) -> TrainingExamples:
    """The examples of both kinds; ``option`` is the name of the option for held-out files. Raises `UsageError`."""
    lineage = lineage_of(project, candidate)
    folder = project.path.parent
    ours = tuple(train) or tuple(folder / path for path in (lineage.data if lineage else ()))
    other = tuple(held_out) or tuple(folder / path for path in (lineage.validation if lineage else ()))
    for files, name, key in ((ours, "--train", "data"), (other, option, "validation")):
        if not files:
            raise UsageError(
                f"{candidate}: its {key} files are unknown (name them with {name}, or in 'training.{key}')"
            )
    (trained, bad), (held, bad_held) = read_all(ours), read_all(other)
    return TrainingExamples(trained, held, bad + bad_held)


def lineage_of(project: Project, candidate: str) -> Lineage | None:
    """The lineage of a deployment, or of a variant's deployment; ``None`` if the project does not declare one."""
    deployment = deployment_of(project, candidate)
    return None if deployment is None else deployment.lineage


def deployment_of(project: Project, candidate: str) -> Deployment | None:
    """The deployment of that name, or of EXPERIMENT/VARIANT; ``None`` if there is none."""
    name, slash, variant = candidate.partition("/")
    experiment = project.plan.experiments.get(name) if slash else None
    deployment = (
        next((arm.deployment for arm in experiment.variants if arm.name == variant), None) if experiment else name
    )
    return project.plan.deployments.get(deployment or "")


def read_all(files: Sequence[Path]) -> tuple[tuple[Example, ...], int]:
    """The examples of several files, and how many rows could not be read; raises `UsageError`."""
    read = [read_examples(path) for path in files]
    return tuple(example for file in read for example in file.examples), sum(len(file.errors) for file in read)


PROVIDERS = ("openai", "together", "fireworks", "trl")
FOR = click.option(
    "--for", "provider", type=click.Choice(PROVIDERS), help="Check the rules of this provider for rows and files."
)


_OPTIONS = (
    FOR,
    click.option("--model", metavar="NAME", help="The model that is trained: its tokens, its longest row, its price."),
    click.option(
        "--tokenizer",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="The model's tokenizer.json, for models whose tokenizer isn't known.",
    ),
    click.option("--epochs", type=click.IntRange(1, 1_000), default=1, show_default=True, help="Epochs to be priced."),
    click.option(
        "--price", type=NumberOption(0, 1_000_000), metavar="USD_PER_MILLION", help="Price of a million tokens."
    ),
    click.option("--context", type=click.IntRange(1), metavar="TOKENS", help="From how many tokens on a row is cut."),
)


def training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as one `Training`."""

    @wraps(command)
    def with_training(**options: Any) -> None:
        training = Training(**{name: options.pop(name) for name in Training.__dataclass_fields__})
        command(**options, training=training)

    for option in reversed(_OPTIONS):
        with_training = option(with_training)
    return with_training


def read_suite(path: Path) -> ExampleFile:
    """The cases of all suites of a file, numbered from 1; raises `ConfigError`. Its digest covers file and cases."""
    from evaluators.loading.suite_reader import load

    suites = load(path)
    cases = [case for suite in suites for case in suite.cases]
    content = read_named(path) + "".join(suite.digest for suite in suites).encode()
    examples = tuple(_example(number, case) for number, case in enumerate(cases, 1))
    return ExampleFile(path, hashlib.sha256(content).hexdigest(), "suite", examples)


def _example(number: int, case: Case) -> Example:
    messages = [{"role": str(message["role"]), "content": _text(message.get("content"))} for message in case.messages]
    expected = text_of({"expected": case.expected}, "expected")
    return Example(number, (*messages, {"role": "assistant", "content": expected}), {"case": case.case_id})


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")
