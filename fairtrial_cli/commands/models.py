"""The command `fairtrial models`: small real models over OpenAI's protocol, without a GPU and without the network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError

if TYPE_CHECKING:
    from fairtrial.config.addresses import Address
    from gateway.models.catalogue import Catalogue


@click.group()
def command() -> None:
    """Serve small real models: a base and LoRA adapters of it, by name.

    \b
    Example:  fairtrial models serve --port 8000
    """


@command.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on; 0 takes any free one.")
@click.option("--base", default="smollm2", show_default=True, help="The bundled base, or NAME=FILE.gguf.")
@click.option(
    "--adapter", "adapters", multiple=True, metavar="NAME=FILE", help="A LoRA adapter; default: the example's."
)
@click.option("--engines", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes of llama.cpp.")
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads of each engine.")
@click.option("--sample", is_flag=True, help="Serve two stand-ins made of rules: no models, nothing to install.")
@click.option("--log", type=click.Path(path_type=Path, dir_okay=False), help="Keep what llama.cpp says in this file.")
def serve(host: str, port: int, sample: bool, **models: Any) -> None:
    """Serve a base and its adapters on one address, until Ctrl-C.

    Each adapter is a model by its name; NAME@0.5 is the same at half strength (0 to 2). With --sample it serves
    sample-base and sample-tuned instead, which are a few rules about words and no models: enough to try a project
    that `fairtrial init` has written.

    \b
    Examples:  fairtrial models serve --port 8000 --adapter mine=lora.gguf
               fairtrial models serve --sample
    """
    import asyncio

    from fairtrial.config.addresses import Address

    address = Address(host, port)
    asyncio.run(_sample(address) if sample else _models(address, **models))


async def _sample(address: Address) -> None:
    from gateway.models.sample import RESPONDERS
    from gateway.models.sample_app import serve_sample

    def announce(url: str) -> None:
        click.echo(f"models at {url}: {', '.join(RESPONDERS)} (rules that stand in for models)")

    await serve_sample(address, announce=announce)


async def _models(
    address: Address, *, base: str, adapters: tuple[str, ...], engines: int, threads: int, log: Path | None
) -> None:
    from gateway.models.engine import Recipe
    from gateway.models.server import serve as serve_models

    catalogue = _catalogue(base, adapters)

    def announce(url: str) -> None:
        click.echo(f"models at {url}: {', '.join(catalogue.names)}")

    await serve_models(Recipe(catalogue, threads, log), address, engines=engines, announce=announce)


def _catalogue(base: str, adapters: tuple[str, ...]) -> Catalogue:
    """The files behind the options; the example's adapters only go with the bundled base."""
    from gateway.models import bundled
    from gateway.models.catalogue import catalogue

    runtime = bundled.runtime()
    named = dict(_pair("--adapter", adapter) for adapter in adapters)
    if base == bundled.BASE_NAME:
        return catalogue(base, bundled.base_file(), named or bundled.adapter_files(), runtime=runtime)
    name, file = _pair("--base", base)
    return catalogue(name, file, named, runtime=runtime)


def _pair(option: str, text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise UsageError(f"{option} {text}: say NAME=FILE, such as mine=lora.gguf")
    return name, Path(file)
