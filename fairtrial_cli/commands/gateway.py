"""The command `fairtrial gateway`, which runs the data plane alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.wording import counted
from fairtrial_cli.options import CONFIG, project_of

if TYPE_CHECKING:
    from fairtrial.config.layout import Layout
    from gateway.proxy.supervisor import Serving


@click.command()
@CONFIG
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Worker processes that share the port; default: `gateway.workers` of the file.",
)
@click.option("--store", type=click.Path(path_type=Path), hidden=True)
@click.option("--bind", hidden=True)
@click.option("--max-body-mb", type=click.IntRange(1), hidden=True)
@click.option("--settings", hidden=True)
def command(config: Path, workers: int | None, **options: Any) -> None:
    """Run the gateway alone.

    It serves OpenAI's API on gateway.bind, and routes by what `fairtrial control` publishes. Until a configuration is
    published, every request gets a 503 with a clear message, and /readyz reports it. The control process may stop and
    start at any time. Meanwhile the gateway serves, and its journals are kept. On SIGTERM and Ctrl-C, responses in
    progress are completed.

    \b
    Example:  fairtrial gateway -c fairtrial.yaml --workers 4
    """
    from gateway.proxy.supervisor import Supervisor

    everything = workers is not None and None not in options.values()
    serving = _from_options(workers=workers, **options) if everything else _read(config, workers)
    supervisor = Supervisor(serving)
    address = f"http://{serving.host}:{supervisor.port}/v1"
    click.echo(f"gateway on {address} with {counted(serving.workers, 'worker')}", err=True)
    supervisor.run()


def _from_options(*, store: Path, bind: str, workers: int | None, max_body_mb: int, settings: str) -> Serving:
    """Settings from `fairtrial up`, which has read the file, so that a broken file does not prevent a restart.

    An address that others can reach is never open, because its workers refuse a plan without keys.
    """
    import msgspec

    from fairtrial.config.layout import Layout
    from fairtrial.domain.limits.server_settings import WorkerSettings
    from fairtrial.domain.names.addresses import parse_address
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
    """A missing journal folder does not stop traffic. Workers report that they do not record, and retry."""
    try:
        return layout.make()
    except OSError as error:
        click.echo(f"{error.filename}: can't be created ({error.strerror})", err=True)
        return layout


def _read(config: Path, workers: int | None) -> Serving:
    from fairtrial.domain.errors import UsageError
    from fairtrial_cli.dashboard_link import OPEN_GATEWAY
    from gateway.proxy.supervisor import Serving

    project = project_of(config)
    settings, address = project.gateway, project.gateway.address
    if settings.access != "keys" and not address.loopback:
        raise UsageError(
            f"gateway.bind: {address.host} is not loopback, but gateway.auth is {settings.access!r} (it must be keys)"
        )
    if settings.access == "open":
        click.echo(f"gateway is {OPEN_GATEWAY}", err=True)
    layout = _with_folders(project.layout)
    return Serving(
        host=address.host,
        port=address.port,
        plan=layout.plan,
        journal=layout.journal,
        workers=workers or settings.workers,
        max_body=settings.max_body_mb * 2**20,
        settings=settings,
    )
