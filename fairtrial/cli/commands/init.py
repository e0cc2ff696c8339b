"""The command `fairtrial init`: a new project, written whole or not at all, that runs as its printed lines say."""

from __future__ import annotations

import re
from pathlib import Path

import click

from fairtrial.domain.errors import UsageError

TEMPLATES = Path(__file__).parents[3] / "examples" / "init"
NAMES = ("sample", "vllm", "openai", "anthropic")
SHARED = "shared"
RENAMED = {"gitignore": ".gitignore"}
"""A template can't have this name itself: git would obey it."""

COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@click.command()
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False))
@click.option("--template", type=click.Choice(NAMES), default="sample", show_default=True, help="Whose models it asks.")
def command(folder: Path, template: str) -> None:
    """Write a new project into DIR, and print what to type next; nothing that is there is overwritten.

    The template `sample` runs offline in seconds: its two models are stand-ins made of rules. `vllm`, `openai` and
    `anthropic` are the same project for models of your own.

    \b
    Examples:  fairtrial init shop
               fairtrial init shop --template vllm
    """
    files = _files(template)
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
