"""The command `fairtrial init`, which writes a new project from a template or for a server: all files or none."""

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from fairtrial.config.layout import bundled_data
from fairtrial.domain.errors import UsageError
from fairtrial_cli.first_project.agents_page import agent_files

TEMPLATES = bundled_data("examples/init")
NAMES = ("sample", "vllm", "openai", "together", "fireworks", "anthropic")
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


SMALL_TRAFFIC = """\
With fewer than 2,500 new users a week, six weeks can't show a difference of 3 points between models that resolve
about 62 %. `fairtrial experiment plan` then lists what can decide: a larger effect, require: not_worse, a blind review
(fairtrial review), or an offline evaluation (fairtrial gate).
"""
FROM_SERVER = ("base", "candidate", "questions", "key_env")
"""Options that need --from."""


@click.command()
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False))
@click.option("--template", type=click.Choice(NAMES), help="Which models the project uses; default: sample.")
@click.option(
    "--port",
    type=click.IntRange(1024, HIGHEST),
    help="The first of the consecutive ports of the services; default: 8080, 8081 and 8501.",
)
@click.option("--from", "url", metavar="URL", help="Ask the server at URL for its models, and use two of them.")
@click.option("--base", help="With --from: the model that serves users today.")
@click.option("--candidate", help="With --from: the model that may replace it.")
@click.option(
    "--questions",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    help="With --from: JSONL, CSV, one question a line, or a promptfoo configuration; - reads lines that you paste.",
)
@click.option("--key-env", metavar="NAME", help="With --from: the environment variable that has the server's key.")
def command(folder: Path, template: str | None, port: int | None, url: str | None, **choices: Any) -> None:
    """Write a new project into DIR and print the next commands. Existing files are not overwritten.

    Use --port to run a second project beside a first one. Gateway, control and dashboard use PORT and the next two
    ports. The models of the template `sample` use the port after that.

    The template `sample` runs offline in seconds, because its two models are simple rules. The other templates are the
    same project for your own models.

    With --from it asks a server for its models: vLLM, SGLang, Ollama, llama.cpp, LiteLLM, OpenAI, and others with
    OpenAI's protocol. It proposes an adapter and its parent, or two models by their names. Questions without
    references get a gate that people decide by comparing answers.

    \b
    Examples:  fairtrial init shop
               fairtrial init shop --template vllm
               fairtrial init second --port 9080
               fairtrial init mine --from http://127.0.0.1:8000/v1 --questions questions.csv
               fairtrial init mine --from https://api.openai.com/v1 --key-env OPENAI_API_KEY --base gpt-4.1-mini
    """
    if url is not None:
        if template is not None:
            raise UsageError("--template and --from exclude each other: --from writes the project for your server")
        _from_server(folder, url, port, choices)
    elif given := [name for name in FROM_SERVER if choices[name] is not None]:
        raise UsageError(f"--{given[0].replace('_', '-')}: it needs --from URL")
    else:
        _from_template(folder, template or NAMES[0], port)


def _from_template(folder: Path, template: str, port: int | None) -> None:
    files = _files(template)
    if port is not None:
        files = {name: _with_ports(content, _ports(template, port)) for name, content in files.items()}
    _write_project(folder, files)
    click.echo(f"{folder}: wrote {len(files)} files of the template {template!r}.\n{SMALL_TRAFFIC}")
    _print_steps(folder, _next_steps(files["README.md"].decode()), " (run each server in a separate terminal)")


def _from_server(folder: Path, url: str, port: int | None, choices: Mapping[str, Any]) -> None:
    from fairtrial_cli.first_project.served_project import Choices, served_project

    _refuse_existing([folder / "fairtrial.yaml"])
    chosen = Choices(port=port, **choices)
    is_pasted = chosen.questions == Path("-")
    ask = _ask if sys.stdin.isatty() and not is_pasted else None
    given = {"--from": url, "--port": port, "--questions": chosen.questions, "--key-env": chosen.key_env}
    options = [word for option, value in given.items() if value is not None for word in (option, str(value))]
    again = shlex.join(["fairtrial", "init", str(folder), *options])
    project = served_project(url, chosen, ask, again)
    files = {**project.files, RENAMED["gitignore"]: (TEMPLATES / SHARED / "gitignore").read_bytes()}
    _write_project(folder, files)
    click.echo(f"{folder}: wrote {len(files)} files.")
    click.echo("\n".join(project.summary))
    _print_steps(folder, "".join(f"{line}\n" for line in project.commands))


def _ask(question: str, names: Sequence[str]) -> str:
    by_number = {str(number): name for number, name in enumerate(names, 1)}
    click.echo("\n".join(f"{number:>3}  {name}" for number, name in by_number.items()))
    answer: str = click.prompt(
        f"{question}, by number or name", type=click.Choice([*names, *by_number]), show_choices=False
    )
    return answer if answer in names else by_number[answer]


def _write_project(folder: Path, files: Mapping[str, bytes]) -> None:
    _refuse_existing([folder / name for name in files])
    _write({folder / name: content for name, content in files.items()})


def _print_steps(folder: Path, steps: str, how: str = "") -> None:
    click.echo(f"Next steps{how}:\n")
    if folder != Path():
        click.echo(f"cd {shlex.quote(str(folder))}")
    click.echo(steps, nl=False)


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
    return files | agent_files(base=base, candidate=candidate, **NAMES_OF_TEMPLATES)


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
