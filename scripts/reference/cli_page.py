"""Renders docs/reference/cli.md from click: every command with its arguments, options and example."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

from fairtrial_cli.main import fairtrial
from scripts.reference.markdown import block, code, page, prose, table

INTRO = """\
Every command has `--help`. While control runs, a command is its client; otherwise it opens the
store itself. Commands that print a table have `--json`. `-c FILE` names the project's file if it is not
`./fairtrial.yaml`."""
EXIT_CODES = (
    ("0", "all", "success; `gate`: the verdict **SHIP**"),
    ("1", "`gate`", "the verdict **BLOCK**: a rule failed"),
    ("1", "`verdict recompute`, `verdict verify`", "a number differs, or something was changed after it was stored"),
    ("1", "`health`", "an address does not answer with 200"),
    ("1", "`data memorisation`, `data overfitting`", "the fine-tune has memorised its training data, or is overfitted"),
    ("2", "all", "the command, a file or the environment is wrong"),
    ("3", "`gate`", "the verdict **HOLD**: more evidence is needed"),
    ("3", "`experiment plan`", "the experiment can't be decided within its maximum duration"),
    ("3", "`data memorisation`, `data overfitting`", "nothing can be decided with these examples"),
    ("4", "`gate`", "the verdict **INVALID**: the evidence is unsound"),
    ("4", "`eval`, `data memorisation`, `data overfitting`", "more than 2 % of a run's cases could not be scored"),
    ("5", "`gate`", "the verdict **SHIP**, which waits for the gate's approvers"),
    ("69", "all", "control is hung or can't be reached"),
    ("70", "all", "a defect of the program, never a verdict"),
    ("130", "all", "interrupted by Ctrl-C"),
)
LABEL = re.compile(r"^Examples?:")


def cli_page() -> str:
    """The page."""
    codes = table(("code", "command", "meaning"), ((code(number), who, what) for number, who, what in EXIT_CODES))
    commands = [_command(name, command) for name, command in commands_of(fairtrial)]
    return page("The command line", INTRO, "## Exit codes", codes, *commands)


def commands_of(group: click.Command, name: str = "fairtrial") -> Iterator[tuple[str, click.Command]]:
    """Every command below, groups before their members, by its whole name."""
    if not isinstance(group, click.Group):
        return
    context = click.Context(group, info_name=name)
    for child in group.list_commands(context):
        command = group.get_command(context, child)
        if command is not None and not command.hidden:
            whole = f"{name} {child}"
            yield whole, command
            yield from commands_of(command, whole)


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    text, example = _text(command)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    rows = [_row(one, context) for one in command.params if not (isinstance(one, click.Option) and one.hidden)]
    options = table(("argument or option", "default", "meaning"), rows) if rows else ""
    parts = [f"## {name}", text, block("text", usage), options]
    return "\n\n".join(part for part in (*parts, example and block("text", example)) if part)


def example_of(command: click.Command) -> str:
    """The lines that its help shows as examples."""
    return _text(command)[1]


def _text(command: click.Command) -> tuple[str, str]:
    """The help's paragraphs, and its example apart."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    texts = [prose(part) for part in paragraphs if not part.startswith("\b")]
    examples = [part.removeprefix("\b\n") for part in paragraphs if part.startswith("\b")]
    lines = [LABEL.sub("", line).strip() for part in examples for line in part.splitlines()]
    return "\n\n".join(texts), "\n".join(lines)


def _row(one: click.Parameter, context: click.Context) -> tuple[str, str, str]:
    if isinstance(one, click.Option):
        names = ", ".join(sorted(one.opts, key=len))
        value = "" if one.is_flag else " " + (one.metavar or _kind(one.type, context, one))
        return code(names + value), _default(one, context), prose(_meaning(one))
    return code(one.make_metavar(context)), "**needed**" if one.required else "–", ""


def _meaning(one: click.Option) -> str:
    again = " May be given again." if one.multiple and "again" not in (one.help or "") else ""
    text = one.help or ("The project's file." if one.name == "config" else "")
    return text + (f" Also read from {one.envvar}." if one.envvar else "") + again


def _kind(kind: click.ParamType[Any], context: click.Context, one: click.Parameter) -> str:
    if isinstance(kind, click.Choice):
        return "|".join(map(str, kind.choices))
    if isinstance(kind, click.IntRange):
        return f"{kind.min}–{kind.max}" if kind.max is not None else "NUMBER"
    return kind.get_metavar(one, context) or kind.name.upper()


def _default(one: click.Option, context: click.Context) -> str:
    if one.required:
        return "**needed**"
    default = one.get_default(context)
    unset = default is None or default is False or default == () or type(default).__name__ == "Sentinel"
    return "–" if unset else code(default)
