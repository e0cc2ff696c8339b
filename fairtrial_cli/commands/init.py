"""The command `fairtrial init`: a new project, written whole or not at all, that runs as its printed lines say."""

from __future__ import annotations

import re
from pathlib import Path

import click

from fairtrial.bundled_data import bundled_data
from fairtrial.domain.errors import UsageError

TEMPLATES = bundled_data("examples/init")
NAMES = ("sample", "vllm", "openai", "anthropic")
SHARED = "shared"
RENAMED = {"gitignore": ".gitignore"}
"""A template can't have this name itself: git would obey it."""

SERVICES = ("8080", "8081", "8501")
"""The ports that the templates name: of the gateway, of control and of the dashboard."""

SAMPLE_MODELS = "8000"
"""The port of the template's own models; in the other templates it is that of a server that runs already."""

HIGHEST = 65_535 - len(SERVICES)

COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@click.command()
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False))
@click.option("--template", type=click.Choice(NAMES), default="sample", show_default=True, help="Whose models it asks.")
@click.option(
    "--port",
    type=click.IntRange(1024, HIGHEST),
    help="First of the ports that the services use, one after the other; default: 8080, 8081 and 8501.",
)
def command(folder: Path, template: str, port: int | None) -> None:
    """Write a new project into DIR, and print what to type next; nothing that is there is overwritten.

    A second project runs beside a first one with --port: gateway, control and dashboard take PORT and the two after
    it, and the models of the template `sample` the next.

    The template `sample` runs offline in seconds: its two models are stand-ins made of rules. `vllm`, `openai` and
    `anthropic` are the same project for models of your own.

    \b
    Examples:  fairtrial init shop
               fairtrial init shop --template vllm
               fairtrial init second --port 9080
    """
    files = _files(template)
    if port is not None:
        files = {name: _with_ports(content, _ports(template, port)) for name, content in files.items()}
    _refuse_existing([folder / name for name in files])
    _write({folder / name: content for name, content in files.items()})
    click.echo(f"{folder}: {len(files)} files of the template {template!r}.")
    click.echo("What is kept running needs a terminal of its own. Next:\n")
    if folder != Path():
        click.echo(f"cd {folder}")
    click.echo(_next_steps(files["README.md"].decode()), nl=False)


def _files(template: str) -> dict[str, bytes]:
    """Contents by the file's path inside of the project."""
    found: dict[str, bytes] = {}
    for part in (SHARED, template):
        for source in sorted((TEMPLATES / part).rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts:
                name = str(source.relative_to(TEMPLATES / part))
                found[RENAMED.get(name, name)] = source.read_bytes()
    if "fairtrial.yaml" not in found:
        raise UsageError(f"{TEMPLATES}: the templates are not installed (reinstall fairtrial)")
    return found


def _ports(template: str, first: int) -> dict[str, str]:
    """The new port for each that the template names."""
    named = (*SERVICES, SAMPLE_MODELS) if template == "sample" else SERVICES
    return {old: str(first + place) for place, old in enumerate(named)}


def _with_ports(content: bytes, ports: dict[str, str]) -> bytes:
    """The same file with these ports: a number after a colon, or after an option ``--port``, is one."""
    old = "|".join(ports).encode()
    named = re.compile(rb"(?<=127\.0\.0\.1:)(%b)\b|(?<=--port )(%b)\b" % (old, old))
    return named.sub(lambda found: ports[found[0].decode()].encode(), content)


def _refuse_existing(paths: list[Path]) -> None:
    there = [str(path) for path in paths if path.exists() or path.is_symlink()]
    if there:
        are = "is" if len(there) == 1 else "are"
        raise UsageError(f"{', '.join(there)}: {are} there already, and nothing is overwritten (name an empty folder)")


def _write(files: dict[Path, bytes]) -> None:
    """All of them, or none: what was written goes again if one can't be."""
    written: list[Path] = []
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:  # a file that appeared in the meantime is not overwritten either
                written.append(path)
                file.write(content)
    except BaseException:
        for path in written:
            path.unlink()
        raise


def _next_steps(readme: str) -> str:
    """The commands of the project's README, so that both say the same."""
    found = COMMANDS.search(readme)
    return found[1] if found else ""
