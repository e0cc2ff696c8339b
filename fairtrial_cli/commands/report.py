"""The command `fairtrial report`, which writes a report on runs or on a verdict for people without fairtrial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial.domain.errors import UsageError, printable
from fairtrial_cli.options import CONFIG, WrittenPath, project_of

if TYPE_CHECKING:
    from evaluators.report_content.content import ReportContent, TextPolicy

FILE = WrittenPath(dir_okay=False)
SCREEN = Path("-")
READABLE = 0o666
"""The mode of a report before the umask: it is made to be passed on."""


@click.command()
@click.argument("names", metavar="RUN...|VERDICT", nargs=-1, required=True)
@click.option("--baseline", metavar="RUN", help="The run to compare with; by default the last one named.")
@click.option("--html", type=FILE, help="Write one HTML file, which loads nothing and runs no script.")
@click.option(
    "--markdown", type=FILE, is_flag=False, flag_value=SCREEN, help="Write Markdown; without a file, print it."
)
@click.option("--junit", type=FILE, help="Write JUnit XML.")
@click.option("--json", "as_json", type=FILE, help="Write JSON.")
@click.option("--with-texts", is_flag=True, help="Show texts in full, with personal data and secrets.")
@click.option("--without-texts", is_flag=True, help="Leave out all prompts, references, answers and errors.")
@CONFIG
def command(
    names: tuple[str, ...],
    baseline: str | None,
    with_texts: bool,
    without_texts: bool,
    config: Path,
    **files: Path | None,
) -> None:
    """Write a report that people can read without fairtrial. RUN is a run's id, its beginning, or SUITE@TARGET for the
    newest run; VERDICT is a verdict's id or its beginning.

    The report compares each run with the baseline, suite by suite, and shows every case side by side. A report on a
    verdict takes the runs of the verdict. Runs of several suites can be named together. Then each suite needs a run
    on the baseline's target.

    Personal data and secrets in texts are masked and counted, unless --with-texts is given. Without an option for a
    file, Markdown is printed.

    \b
    Examples:  fairtrial report support-tickets@tuned support-tickets@base --html report.html
               fairtrial report 0199f3c2 --html release-7.html --without-texts
    """
    from evaluators.report_content.content import REPORTS
    from evaluators.report_content.page import render
    from fairtrial.api.operation import Nothing
    from fairtrial.api.store import ingest
    from fairtrial_cli.store_client.client import open_store
    from fairtrial_cli.store_client.report_source import read_report

    if with_texts and without_texts:
        raise UsageError("--with-texts and --without-texts exclude each other")
    if not any(files.values()):
        files["markdown"] = SCREEN
    places = {name: _place(path) for name, path in files.items() if path is not None}
    policy: TextPolicy = "full" if with_texts else "none" if without_texts else "masked"
    project = project_of(config)
    with open_store(project.layout, project.path) as store:
        store.call(ingest, Nothing())
        content = read_report(store, names, baseline, policy=policy)
    for name, path in places.items():
        text = render(content) if name == "html" else REPORTS.get(name.removeprefix("as_")).render_content(content)
        _write(path, text)
    _print_written([path for path in places.values() if path != SCREEN], content, to_stderr=SCREEN in places.values())


def _place(path: Path) -> Path:
    """Where a file is written, checked before anything is read."""
    if path == SCREEN:
        return path
    place = path.resolve()
    if not place.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {str(path.parent)!r}")
    if place.exists() and not place.is_file():
        raise UsageError(f"{path}: it is not a regular file")
    return place


def _write(path: Path, text: str) -> None:
    from fairtrial.safe_files import replace_file

    if path == SCREEN:
        click.echo(text, nl=False)
        return
    try:
        replace_file(path, text.encode("utf-8", "replace"), mode=READABLE)
    except OSError as error:
        raise UsageError(f"{path}: it can't be written ({error.strerror})") from error


def _print_written(paths: list[Path], content: ReportContent, *, to_stderr: bool) -> None:
    from evaluators.report_content.wording import shown_texts

    for path in paths:
        click.echo(printable(f"{path}: written"), err=to_stderr)
    click.echo(shown_texts(content.policy, content.masked), err=to_stderr)
