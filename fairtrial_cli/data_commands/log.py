"""The command `fairtrial data log`, which plots training logs and finds where validation loss turned."""

from __future__ import annotations

from pathlib import Path

import click

from fairtrial_cli.options import CONFIG, JSON, print_json, project_of


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE…]")
@click.option("--deployment", multiple=True, help="Read the log of this deployment's lineage; may be repeated.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Also write a page with the plots.")
@CONFIG
@JSON
def command(
    files: tuple[Path, ...], deployment: tuple[str, ...], html: Path | None, config: Path, as_json: bool
) -> None:
    """Plot training and validation loss, and say where validation loss turned. No model is needed.

    A fine-tune begins to overfit where its validation loss stops falling and rises. The command reads Hugging Face's
    trainer_state.json, JSON lines, and the metrics files of OpenAI (CSV) and Together (JSON).

    \b
    Examples:  fairtrial data log trainer_state.json
               fairtrial data log metrics.csv --html loss.html
               fairtrial data log --deployment support-overfit
    """
    from evaluators.training_data.read_log import read_log
    from fairtrial_cli.training_data.data_files import refuse_existing, write_files
    from fairtrial_cli.training_data.training_log import log_json, log_page, print_log

    paths = [*files, *_of_deployments(deployment, config)]
    if not paths:
        raise click.UsageError("Name a log, or a deployment whose lineage has one: --deployment NAME.")
    logs = [read_log(path) for path in paths]
    if html is not None:
        refuse_existing([html], sources=paths, force=True)
        write_files({html: log_page(logs).encode()})
    if as_json:
        print_json([log_json(log) for log in logs])
        return
    for log in logs:
        print_log(log)
    if html is not None:
        click.echo(f"written: {html}")


def _of_deployments(names: tuple[str, ...], config: Path) -> list[Path]:
    """The logs of these deployments' lineages; raises `UsageError`."""

    from fairtrial.domain.errors import UsageError
    from fairtrial_cli.training_data.data_files import lineage_of

    if not names:
        return []
    project = project_of(config)
    paths = []
    for name in names:
        lineage = lineage_of(project, name)
        if lineage is None or lineage.log is None:
            raise UsageError(f"--deployment {name}: its training log is unknown (name it in 'training.log')")
        paths.append(project.path.parent / lineage.log)
    return paths
