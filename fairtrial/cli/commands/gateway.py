"""`fairtrial gateway`: the data plane alone; it waits for the plan that the control process publishes."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command()
@click.option(
    "-c",
    "--config",
    default="fairtrial.yaml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The project's file.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Processes on the one port; the file's `gateway.workers` if not given.",
)
def command(config: Path, workers: int | None) -> None:
    """Run the gateway alone: OpenAI's API on gateway.bind, routed by the plan that `fairtrial control` publishes.

    Until a plan is published every request gets a 503 with a clear message, and /readyz says so. The control process
    may stop and start at any time: traffic goes on, and journals wait for it. SIGTERM and Ctrl-C let answers that have
    begun come to their end.

    \b
    Example:  fairtrial gateway -c fairtrial.yaml --workers 4
    """
    from fairtrial.config.project import load_project
    from fairtrial.domain.errors import UsageError
    from gateway.proxy.supervisor import Serving, Supervisor, is_loopback

    project = load_project(config, os.environ)
    settings = project.gateway
    if settings.auth != "keys" and not is_loopback(settings.host):
        raise UsageError(
            f"gateway.bind: {settings.host} is not loopback, and gateway.auth is {settings.auth!r} (needs keys)"
        )
    layout = project.layout.make()
    supervisor = Supervisor(
        Serving(
            host=settings.host,
            port=settings.port,
            plan=layout.plan,
            journal=layout.journal,
            workers=workers or settings.workers,
            max_body=settings.max_body_mb * 2**20,
        )
    )
    click.echo(
        f"gateway on http://{settings.host}:{supervisor.port}/v1 with {supervisor.serving.workers} workers", err=True
    )
    supervisor.run()
