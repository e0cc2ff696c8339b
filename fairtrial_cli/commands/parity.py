"""The command `fairtrial parity`, which asks whether a deployment serves what was trained."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial.domain.errors import UsageError, nearest
from fairtrial_cli.options import CONFIG, project_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from evaluators.model_equality.parity_file import ParityFile
    from fairtrial.config.project import Project
    from fairtrial.domain.verdicts.model_parity import ModelParity

NOT_SAME = 3
"""The exit code unless it serves what was trained, as HOLD of `fairtrial gate`."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--on", "name", required=True, metavar="DEPLOYMENT", help="The fine-tune, which declares its parent.")
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def command(file: Path, name: str, config: Path, as_json: bool) -> None:
    """Compare a served model with a file that its training wrote.

    FILE is written at the end of the training by ParityCallback, which the documentation shows. It has prompts, and
    what the trained model answered to them with the adapter on and off. The deployment and its parent are asked the
    same through the gateway. How far the served parent is from the trained base is the noise of the engine.

    The causes are: the adapter is not applied, another chat template, a special token, an end token, parameters that
    the server adds, a lossy merge or quantisation, and other weights. The result is stored for the rule
    `parity.served hold` of a gate. The exit code is 3 unless the deployment serves what was trained.

    \b
    Example:  fairtrial parity parity.jsonl --on tuned
    """
    from msgspec import to_builtins

    from evaluators.model_equality.parity_file import read_parity_file

    recorded, project = read_parity_file(file), project_of(config)
    result = _ask(project, name, recorded)
    _store(project, result)
    if as_json:
        click.echo(json.dumps(to_builtins(result), indent=2))
    else:
        click.echo("\n".join(result.lines))
    if result.answer != "same":
        raise click.exceptions.Exit(NOT_SAME)


def _ask(project: Project, name: str, file: ParityFile) -> ModelParity:
    import asyncio

    from rich.console import Console
    from rich.progress import Progress

    from fairtrial_cli.processes.private_gateway import project_gateway

    deployment = project.plan.deployments.get(name)
    if deployment is None:
        raise UsageError(f"--on {name}: there is no deployment {name!r} ({nearest(name, project.plan.deployments)})")
    if deployment.parent is None:
        raise UsageError(f"--on {name}: declare its base as deployments.{name}.parent, which shows the engine's noise")
    stderr = Console(stderr=True)
    with project_gateway(project, say=stderr.print) as base_url, Progress(console=stderr, transient=True) as bar:
        task = bar.add_task(f"asking {name} and {deployment.parent}", total=len(file.rows))

        def show(done: int, _: int) -> None:
            bar.update(task, completed=done)

        return asyncio.run(_compare(project, (name, deployment.parent), file, base_url, show))


async def _compare(
    project: Project, pair: tuple[str, str], file: ParityFile, base_url: str, on_progress: Callable[[int, int], None]
) -> ModelParity:
    from evaluators.engine.target import resolve
    from evaluators.model_equality.parity import ask_parity
    from evaluators.model_equality.server_prompts import ServerPrompt, ask_prompts
    from fairtrial.config.file.environment import interpolate
    from fairtrial_cli.run_suites import internal_key

    deployment, key = project.plan.deployments[pair[0]], internal_key(project.layout)
    prompts = (ServerPrompt(),) * len(file.rows)
    if not deployment.external:
        own_key, _ = interpolate(deployment.api_key, os.environ)
        prompts = await ask_prompts(deployment.base_url, own_key or None, deployment.model, file.rows)
    tuned, base = (resolve(name, project.plan, base_url=base_url, api_key=key) for name in pair)
    return await ask_parity(tuned, base, file, prompts, on_progress=on_progress)


def _store(project: Project, result: ModelParity) -> None:
    from fairtrial.api.model_parity import RecordParity, record
    from fairtrial_cli.store_client.client import open_store

    with open_store(project.layout, project.path) as store:
        store.call(record, RecordParity(result=result))
