"""Replaces invalid values of a file by harmless ones, so that one run can also check the rest."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fairtrial.config.file.errors import FieldError, details_of, field_errors, path_of
from fairtrial.config.file.schema import ProjectFile
from fairtrial.config.file.yaml_file import Step

ROUNDS = 20
CUT = object()
PLACEHOLDERS: dict[str, Any] = {
    "missing": "?",
    "string_type": "?",
    "string_too_short": "?",
    "dict_type": {},
    "model_type": {},
    "model_attributes_type": {},
    "dataclass_type": {},
    "list_type": [],
    "tuple_type": [],
    "bool_type": False,
    "bool_parsing": False,
}
FIRST_LITERAL = re.compile(r"'([^']*)'|(\d+)")


def validate(value: dict[str, Any], written: dict[str, Any]) -> tuple[ProjectFile | None, list[FieldError]]:
    """The file and the errors of its shape. With errors, the file is as complete as further checks need it.

    ``value`` has the environment filled in; ``written`` is the original, which errors quote. The file is ``None`` when
    nothing useful is left.
    """
    try:
        return ProjectFile.model_validate(value), []
    except ValidationError as error:
        return _with_placeholders(copy.deepcopy(value), error), field_errors(written, error, ProjectFile)


def independent(found: Iterable[FieldError], earlier: Iterable[FieldError]) -> list[FieldError]:
    """Errors away from the places of earlier ones. An error at, in or around such a place may only be a consequence."""
    paths = [wrong.path for wrong in earlier]
    return [wrong for wrong in found if not any(_nested(wrong.path, path) for path in paths)]


def _nested(one: tuple[Step, ...], other: tuple[Step, ...]) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _with_placeholders(value: dict[str, Any], error: ValidationError) -> ProjectFile | None:
    """The file with placeholders in place of invalid values. It is only checked, never compiled."""
    for _ in range(ROUNDS):
        for detail in details_of(error):
            _replace(value, path_of(value, detail), _placeholder(detail))
        try:
            return ProjectFile.model_validate(value)
        except ValidationError as again:
            error = again
    return None


def _placeholder(detail: ErrorDetails) -> Any:
    kind = detail["type"]
    if kind == "literal_error":
        literal = FIRST_LITERAL.search(str(detail["ctx"]["expected"]))
        return (int(literal[2]) if literal[2] else literal[1]) if literal else CUT
    if kind.startswith(("int_", "float_", "decimal_", "greater_", "less_", "finite_")):
        return 1
    stand_in = PLACEHOLDERS.get(kind, CUT)
    return stand_in.copy() if isinstance(stand_in, dict | list) else stand_in


def _replace(value: Any, path: tuple[Step, ...], stand_in: Any) -> None:
    holder = value
    for step in path[:-1]:
        holder = holder.get(str(step)) if isinstance(holder, dict) else holder[int(step)]
    if not path:
        return
    if isinstance(holder, list):
        at = int(path[-1])
        holder[at : at + 1] = [1 if stand_in is CUT else stand_in]  # a missing item is appended
    elif isinstance(holder, dict) and stand_in is CUT:
        holder.pop(str(path[-1]), None)
    elif isinstance(holder, dict):
        holder[str(path[-1])] = stand_in
