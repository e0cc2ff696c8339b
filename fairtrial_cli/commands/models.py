"""The command `fairtrial models`, which serves small models over OpenAI's protocol without GPU or network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError

if TYPE_CHECKING:
    from fairtrial.domain.names.addresses import Address
    from gateway.models.catalogue import Catalogue


@click.group()
def command() -> None:
    """Serve small local models: a base model and its LoRA adapters.

    \b
    Example:  fairtrial models serve --port 8000
    """


@command.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on; 0 chooses a free one.")
@click.option("--base", default="smollm2", show_default=True, help="The bundled base model, or NAME=FILE.gguf.")
@click.option(
    "--adapter",
    "adapters",
    multiple=True,
    metavar="NAME=FILE",
    help="A LoRA adapter; repeatable; default: those of the example.",
)
@click.option(
    "--engines", type=click.IntRange(1, 64), default=2, show_default=True, help="Number of llama.cpp processes."
)
@click.option(
    "--threads", type=click.IntRange(1, 64), default=1, show_default=True, help="Threads of each llama.cpp process."
)
@click.option("--sample", is_flag=True, help="Serve two rule-based sample models, which need no installation.")
@click.option("--log", type=click.Path(path_type=Path, dir_okay=False), help="Write llama.cpp's log to this file.")
def serve(host: str, port: int, sample: bool, **models: Any) -> None:
    """Serve a base model and its adapters on one address, until Ctrl-C.

    Each adapter is a model by its name; NAME@0.5 is the adapter at half strength (0 to 2). With --sample it serves
    sample-base and sample-tuned instead. These are simple word rules, enough to try a project from `fairtrial init`.

    \b
    Examples:  fairtrial models serve --port 8000 --adapter mine=lora.gguf
               fairtrial models serve --sample
    """
    import asyncio

    from fairtrial.domain.names.addresses import Address

    address = Address(host, port)
    asyncio.run(_sample(address) if sample else _models(address, **models))


async def _sample(address: Address) -> None:
    from gateway.models.catalogue import RESPONDERS
    from gateway.models.sample_app import serve_sample

    def announce(url: str) -> None:
        click.echo(f"models at {url}: {', '.join(RESPONDERS)} (simple rules instead of models)")

    await serve_sample(address, announce=announce)


async def _models(
    address: Address, *, base: str, adapters: tuple[str, ...], engines: int, threads: int, log: Path | None
) -> None:
    from gateway.models.app import serve as serve_models
    from gateway.models.engine import EngineRecipe

    catalogue = _catalogue(base, adapters)

    def announce(url: str) -> None:
        click.echo(f"models at {url}: {', '.join(catalogue.names)}")

    await serve_models(EngineRecipe(catalogue, threads, log), address, engines=engines, announce=announce)


def _catalogue(base: str, adapters: tuple[str, ...]) -> Catalogue:
    """The model files of the options. The example's adapters fit only the bundled base."""
    from gateway.models.catalogue import BASE_NAME, adapter_files, base_file, catalogue, runtime

    program = runtime()
    named = dict(_pair("--adapter", adapter) for adapter in adapters)
    if base == BASE_NAME:
        return catalogue(base, base_file(), named or adapter_files(), runtime=program)
    name, file = _pair("--base", base)
    return catalogue(name, file, named, runtime=program)


def _pair(option: str, text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise UsageError(f"{option} {text}: write NAME=FILE, such as mine=lora.gguf")
    return name, Path(file)
