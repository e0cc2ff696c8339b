"""`fairtrial gateway`: the data plane alone; it waits for the plan that the control process publishes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fairtrial.config.layout import Layout
    from gateway.proxy.supervisor import Serving


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
@click.option("--store", type=click.Path(path_type=Path), hidden=True)
@click.option("--bind", hidden=True)
@click.option("--max-body-mb", type=click.IntRange(1), hidden=True)
@click.option("--settings", hidden=True)
def command(config: Path, workers: int | None, **told: Any) -> None:
    """Run the gateway alone: OpenAI's API on gateway.bind, routed by the plan that `fairtrial control` publishes.

    Until a plan is published every request gets a 503 with a clear message, and /readyz says so. The control process
    may stop and start at any time: traffic goes on, and journals wait for it. SIGTERM and Ctrl-C let answers that have
    begun come to their end.

    \b
    Example:  fairtrial gateway -c fairtrial.yaml --workers 4
    """
    from gateway.proxy.supervisor import Supervisor

    everything = workers is not None and None not in told.values()
    serving = _told(workers=workers, **told) if everything else _read(config, workers)
    supervisor = Supervisor(serving)
    click.echo(f"gateway on http://{serving.host}:{supervisor.port}/v1 with {serving.workers} workers", err=True)
    supervisor.run()


def _told(*, store: Path, bind: str, workers: int | None, max_body_mb: int, settings: str) -> Serving:
    """By `fairtrial up`, which has read the file: a file that is broken later must not keep a dead gateway down.

    An address that others can reach is never open: its workers refuse a plan without keys.
    """
    import msgspec

    from fairtrial.config.addresses import parse_address
    from fairtrial.config.layout import Layout
    from fairtrial.domain.limits.worker_settings import WorkerSettings
    from gateway.proxy.supervisor import Serving

    address, layout = parse_address(bind), _with_folders(Layout(store))
    return Serving(
        host=address.host,
        port=address.port,
        plan=layout.plan,
        journal=layout.journal,
        workers=workers or 1,
        max_body=max_body_mb * 2**20,
        settings=msgspec.json.decode(settings, type=WorkerSettings),
    )


def _with_folders(layout: Layout) -> Layout:
    """A journal that can't be made stops no traffic: workers say that they don't record, and try again."""
    try:
        return layout.make()
    except OSError as error:
        click.echo(f"{error.filename}: can't be made ({error.strerror})", err=True)
        return layout


def _read(config: Path, workers: int | None) -> Serving:
    from fairtrial.config.project import load_project
    from fairtrial.domain.errors import UsageError
    from fairtrial.domain.names.hosts import is_loopback
    from fairtrial_cli.dashboard_link import OPEN_GATEWAY
    from gateway.proxy.supervisor import Serving

    project = load_project(config, os.environ)
    settings = project.gateway
    if settings.auth != "keys" and not is_loopback(settings.host):
        raise UsageError(
            f"gateway.bind: {settings.host} is not loopback, and gateway.auth is {settings.auth!r} (needs keys)"
        )
    if settings.auth == "open":
        click.echo(f"gateway is {OPEN_GATEWAY}", err=True)
    layout = _with_folders(project.layout)
    return Serving(
        host=settings.host,
        port=settings.port,
        plan=layout.plan,
        journal=layout.journal,
        workers=workers or settings.workers,
        max_body=settings.max_body_mb * 2**20,
        settings=settings.worker,
    )
