"""`${NAME}` in a file's text reads the environment; a variable that is not set is a mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fairtrial.config.file.errors import MOST_MISTAKES, Wrong, nearest
from fairtrial.config.file.yaml_file import Step

PLACEHOLDER = re.compile(r"\$\{([^}]*)\}?")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
Path = tuple[Step, ...]


def interpolate(
    value: Any, environ: Mapping[str, str], *, keep: Callable[[Path], bool] | None = None
) -> tuple[Any, list[Wrong]]:
    """The value with every ``${NAME}`` filled in, and what is wrong with those that can't be.

    ``keep``: places whose template stays as it is written (it must be set all the same), so that a secret never enters
    a plan. A mistake names the variable, never a value.
    """
    wrongs: list[Wrong] = []

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


def _fill(text: str, environ: Mapping[str, str], path: Path, wrongs: list[Wrong]) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if len(wrongs) >= MOST_MISTAKES:
            return match[0]
        if not match[0].endswith("}") or not NAME.fullmatch(name):
            wrongs.append(Wrong(path, f"{match[0]} is not a variable", "write ${NAME}"))
        elif name not in environ:
            near = nearest(name, environ)
            wrongs.append(Wrong(path, f"the environment variable {name} is not set", near if "mean" in near else ""))
        else:
            return environ[name]
        return match[0]

    return PLACEHOLDER.sub(replace, text)
