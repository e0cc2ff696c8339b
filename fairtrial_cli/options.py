"""Declares the options that many commands have, loads their project, and prints its warnings and JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import Diagnostic, UsageError

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial.domain.plan import Experiment


CONFIG = click.option(
    "-c",
    "--config",
    default="fairtrial.yaml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The project file.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
WHY = click.option("--why", required=True, metavar="TEXT", help="The reason, which is recorded; one line.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuneOptions:
    """What the commands have in common that ask a fine-tune and its base; ``margin`` is in points."""

    train: tuple[Path, ...]
    rows: int
    seed: int
    margin: float
    concurrency: int
    fresh: bool


class NumberOption(click.FloatRange):
    """A number in a range. NaN would pass the check of the range, because every comparison with it is false."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


class WrittenPath(click.Path):
    """A file or folder to write. A link is refused, because whoever made it, such as a checkout, chose its target."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(str(super().convert(value, param, ctx)))
        links = (
            part for part in (path, *path.parents) if part.is_symlink() and (part == path or not path.is_absolute())
        )
        if (link := next(links, None)) is not None:
            raise UsageError(f"{path}: {link} is a link, and would be written through (name the place itself)")
        return path


def _columns(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        column, _equals, name = pair.rpartition("=")
        if not column or not name:
            raise UsageError(f"--map {pair!r}: write a column and its new name, such as question=input")
        columns[column] = name
    return columns


MAP = click.option(
    "--map",
    "columns",
    multiple=True,
    callback=_columns,
    metavar="COLUMN=NAME",
    help="Read a column of the rows under another name, such as question=input; repeatable. As `map` in the suite.",
)


def project_of(config: Path) -> Project:
    """The project of `--config`; raises `ConfigError`."""
    from fairtrial.config.project import load_project

    return load_project(config, os.environ)


def experiment_of(project: Project, name: str) -> Experiment:
    """The experiment of the file; raises `UsageError`."""
    experiments = project.plan.experiments
    if name not in experiments:
        known = ", ".join(sorted(experiments)) or "the file has none"
        raise UsageError(f"{project.path.name}: there is no experiment {name!r} ({known})")
    return experiments[name]


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    import msgspec

    click.echo(msgspec.json.encode(value).decode())


def print_indented(value: Any) -> None:
    """Print plain values and structs as JSON that people read."""
    from msgspec import to_builtins

    click.echo(json.dumps(to_builtins(value), indent=2, ensure_ascii=False))


def print_warnings(warnings: Sequence[Diagnostic]) -> None:
    """Print one line per warning, such as ``warning: fairtrial.yaml:9: experiments.a.max_weeks: has no effect``."""
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
