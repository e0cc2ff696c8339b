"""A faulty file with harmless values in place of its faults, so that the rest can be checked in the same go."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fairtrial.config.file.errors import Wrong, path_of, wrongs_of
from fairtrial.config.file.schema import ProjectFile
from fairtrial.config.file.yaml_file import Step

ROUNDS = 20
CUT = object()
STAND_INS: dict[str, Any] = {
    "missing": "?",
    "string_type": "?",
    "string_too_short": "?",
    "dict_type": {},
    "model_type": {},
    "model_attributes_type": {},
    "list_type": [],
    "bool_type": False,
    "bool_parsing": False,
}
FIRST_LITERAL = re.compile(r"'([^']*)'|(\d+)")


def validate(value: dict[str, Any], written: dict[str, Any]) -> tuple[ProjectFile | None, list[Wrong]]:
    """The file and every mistake of its shape; with mistakes, the file as far as it can be used for further checks.

    ``value``: with the environment filled in; ``written``: as it stands, from which mistakes quote. ``None`` when
    nothing useful is left.
    """
    try:
        return ProjectFile.model_validate(value), []
    except ValidationError as error:
        return _mended(copy.deepcopy(value), error), wrongs_of(written, error, ProjectFile)


def independent(found: Iterable[Wrong], earlier: Iterable[Wrong]) -> list[Wrong]:
    """Those that aren't at, inside or around the place of an earlier one: they might only follow from it."""
    paths = [wrong.path for wrong in earlier]
    return [wrong for wrong in found if not any(_nested(wrong.path, path) for path in paths)]


def _nested(one: tuple[Step, ...], other: tuple[Step, ...]) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _mended(value: dict[str, Any], error: ValidationError) -> ProjectFile | None:
    """Stand-ins for faults until the shape is right; they are never compiled, as the file has mistakes."""
    for _ in range(ROUNDS):
        for detail in error.errors(include_url=False):
            _mend(value, path_of(value, detail), _stand_in(detail))
        try:
            return ProjectFile.model_validate(value)
        except ValidationError as again:
            error = again
    return None


def _stand_in(detail: ErrorDetails) -> Any:
    kind = detail["type"]
    if kind == "literal_error":
        literal = FIRST_LITERAL.search(str(detail["ctx"]["expected"]))
        return (int(literal[2]) if literal[2] else literal[1]) if literal else CUT
    if kind.startswith(("int_", "float_", "decimal_", "greater_", "less_", "finite_")):
        return 1
    stand_in = STAND_INS.get(kind, CUT)
    return stand_in.copy() if isinstance(stand_in, dict | list) else stand_in


def _mend(value: Any, path: tuple[Step, ...], stand_in: Any) -> None:
    holder = value
    for step in path[:-1]:
        holder = holder.get(str(step)) if isinstance(holder, dict) else holder[int(step)]
    if not path:
        return
    if isinstance(holder, list):
        holder[int(path[-1])] = 1 if stand_in is CUT else stand_in
    elif isinstance(holder, dict) and stand_in is CUT:
        holder.pop(str(path[-1]), None)
    elif isinstance(holder, dict):
        holder[str(path[-1])] = stand_in
