"""The command `fairtrial data diff`, which compares two versions of a data set."""

from pathlib import Path

import click

from fairtrial_cli.options import JSON, WrittenPath
from fairtrial_cli.training_data.data_files import COMPLETION, PROMPT, named_columns, refuse_existing, write_files

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@PROMPT
@COMPLETION
@click.option("--html", type=WrittenPath(dir_okay=False), help="Also write the report as one HTML file.")
@JSON
def command(old: Path, new: Path, prompt: str | None, completion: str | None, html: Path | None, as_json: bool) -> None:
    """Show what changed in training data from OLD to NEW.

    It compares rows, labels, class shares, and findings of the audit. Equal rows match wherever they stand. Rows with
    the same prompt match next, so that another answer or label is a change. All other rows are added or removed.
    Findings of the audit are new or gone by the content of their rows.

    \b
    Examples:  fairtrial data diff tickets-v1.jsonl tickets-v2.jsonl
               fairtrial data diff old.csv new.csv --prompt Ticket --completion Team --html diff.html
    """
    from evaluators.training_data.audit import audit
    from evaluators.training_data.difference import compare
    from fairtrial_cli.training_data.audit_page import difference_as_json, difference_page, print_difference
    from fairtrial_cli.training_data.data_files import read_source, show_busy

    if html is not None:
        refuse_existing([html], sources=[old, new], force=True)
    columns = named_columns(prompt, completion)
    files = [read_source(path, skip_unreadable=True, columns=columns) for path in (old, new)]
    with show_busy("auditing both versions"):
        difference = compare(files[0], files[1], lambda file: audit([file]))
    if html is not None:
        write_files({html: difference_page(difference, files[0], files[1]).encode()})
    if as_json:
        click.echo(difference_as_json(difference, files[0], files[1]))
        return
    print_difference(difference, files[0], files[1])
    if html is not None:
        click.echo(f"written: {html}")
