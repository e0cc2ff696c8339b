"""Substitutes `${NAME}` in a file's text from the environment; an unset variable is an error."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from fairtrial.config.file.errors import MAX_ERRORS, FieldError, nearest
from fairtrial.config.file.yaml_file import Step

PLACEHOLDER = re.compile(r"\$\{([^}]*)\}?")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
Path = tuple[Step, ...]


def interpolate(
    value: Any, environ: Mapping[str, str], *, keep: Callable[[Path], bool] | None = None
) -> tuple[Any, list[FieldError]]:
    """The value with every ``${NAME}`` substituted, and the errors.

    ``keep``: places where the template stays unchanged, although it must be set, so that a secret never enters a plan.
    An error names the variable, never a value.
    """
    wrongs: list[FieldError] = []

    def walk(inside: Any, path: Path) -> Any:
        if isinstance(inside, dict):
            return {key: walk(item, (*path, key)) for key, item in inside.items()}
        if isinstance(inside, list):
            return [walk(item, (*path, index)) for index, item in enumerate(inside)]
        if isinstance(inside, str) and "${" in inside:
            filled = _fill(inside, environ, path, wrongs)
            return inside if keep is not None and keep(path) else filled
        return inside

    return walk(value, ()), wrongs


def substituted(value: Any, environ: Mapping[str, str], *, keep: Callable[[Path], bool]) -> dict[str, str]:
    """The variables that `interpolate` fills in, with their values."""
    names: set[str] = set()

    def walk(inside: Any, path: Path) -> None:
        if isinstance(inside, dict):
            for key, item in inside.items():
                walk(item, (*path, key))
        elif isinstance(inside, list):
            for index, item in enumerate(inside):
                walk(item, (*path, index))
        elif isinstance(inside, str) and not keep(path):
            names.update(PLACEHOLDER.findall(inside))

    walk(value, ())
    return {name: environ[name] for name in sorted(names) if name in environ}


def _fill(text: str, environ: Mapping[str, str], path: Path, wrongs: list[FieldError]) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if len(wrongs) >= MAX_ERRORS:
            return match[0]
        if not match[0].endswith("}") or not NAME.fullmatch(name):
            wrongs.append(FieldError(path, f"{match[0]} is not a variable", "write ${NAME}"))
        elif name not in environ:
            near = nearest(name, environ)
            wrongs.append(
                FieldError(path, f"the environment variable {name} is not set", near if "mean" in near else "")
            )
        else:
            return environ[name]
        return match[0]

    return PLACEHOLDER.sub(replace, text)
