"""The command `fairtrial init`, which writes a new project from a template, completely or not at all."""

import re
from pathlib import Path

import click

from fairtrial.config.layout import bundled_data
from fairtrial.domain.errors import UsageError
from fairtrial_cli.first_project.agents_page import agents_page

TEMPLATES = bundled_data("examples/init")
NAMES = ("sample", "vllm", "openai", "anthropic")
SHARED = "shared"
RENAMED = {"gitignore": ".gitignore"}
"""Git would apply a template file with its real name to this repository."""

SERVICES = ("8080", "8081", "8501")
"""The ports in the templates: gateway, control and dashboard."""

SAMPLE_MODELS = "8000"
"""The port of the sample models; in other templates it belongs to an existing server."""

HIGHEST = 65_535 - len(SERVICES)

NAMES_OF_TEMPLATES = {
    "route": "support-bot",
    "gate": "trial.gate.yaml",
    "suite": "suites/tickets.yaml",
    "gateway": "127.0.0.1:8080",
}
"""What the page for coding agents calls by name."""

COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@click.command()
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--template", type=click.Choice(NAMES), default="sample", show_default=True, help="Which models the project uses."
)
@click.option(
    "--port",
    type=click.IntRange(1024, HIGHEST),
    help="The first of the consecutive ports of the services; default: 8080, 8081 and 8501.",
)
def command(folder: Path, template: str, port: int | None) -> None:
    """Write a new project into DIR and print the next commands. Existing files are not overwritten.

    Use --port to run a second project beside a first one. Gateway, control and dashboard use PORT and the next two
    ports. The models of the template `sample` use the port after that.

    The template `sample` runs offline in seconds, because its two models are simple rules. The templates `vllm`,
    `openai` and `anthropic` are the same project for your own models.

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
    click.echo(f"{folder}: wrote {len(files)} files of the template {template!r}.")
    click.echo("Next steps (run each server in a separate terminal):\n")
    if folder != Path():
        click.echo(f"cd {folder}")
    click.echo(_next_steps(files["README.md"].decode()), nl=False)


def _files(template: str) -> dict[str, bytes]:
    """File contents by path inside the project."""
    files: dict[str, bytes] = {}
    for part in (SHARED, template):
        for source in sorted((TEMPLATES / part).rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts:
                name = str(source.relative_to(TEMPLATES / part))
                files[RENAMED.get(name, name)] = source.read_bytes()
    if "fairtrial.yaml" not in files:
        raise UsageError(f"{TEMPLATES}: the templates are not installed (reinstall fairtrial)")
    base, candidate = ("sonnet", "haiku") if template == "anthropic" else ("base", "tuned")
    files["AGENTS.md"] = agents_page(base=base, candidate=candidate, **NAMES_OF_TEMPLATES).encode()
    return files


def _ports(template: str, first: int) -> dict[str, str]:
    """The new port for each port in the template."""
    named = (*SERVICES, SAMPLE_MODELS) if template == "sample" else SERVICES
    return {old: str(first + place) for place, old in enumerate(named)}


def _with_ports(content: bytes, ports: dict[str, str]) -> bytes:
    """The file with new ports. A port follows ``127.0.0.1:`` or the option ``--port``."""
    old = "|".join(ports).encode()
    named = re.compile(rb"(?<=127\.0\.0\.1:)(%b)\b|(?<=--port )(%b)\b" % (old, old))
    return named.sub(lambda match: ports[match[0].decode()].encode(), content)


def _refuse_existing(paths: list[Path]) -> None:
    there = [str(path) for path in paths if path.exists() or path.is_symlink()]
    if there:
        exist = "exists" if len(there) == 1 else "exist"
        raise UsageError(f"{', '.join(there)}: {exist} already and would be overwritten (choose an empty folder)")


def _write(files: dict[Path, bytes]) -> None:
    """Write all files or none: if one fails, the others are removed again."""
    written: list[Path] = []
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:  # fails if the file has appeared in the meantime
                written.append(path)
                file.write(content)
    except BaseException:
        for path in written:
            path.unlink()
        raise


def _next_steps(readme: str) -> str:
    """The commands of the project's README, so that both agree."""
    match = COMMANDS.search(readme)
    return match[1] if match else ""
