"""Runs functions of OpenAI's package evals, taken from its source, because importing the package needs its services."""

from __future__ import annotations
import __future__

import ast
import json
import re
import string
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FUNCTIONS = {
    "elsuite/utils.py": ("get_answer", "normalize", "fuzzy_match"),
    "elsuite/basic/json_match.py": ("json_match",),
    "api.py": ("record_and_check_match",),
}


def graders(package: Path) -> Mapping[str, Callable[[str, list[str], Mapping[str, Any]], bool]]:
    """The class → its decision on an answer, the ideal answers and the arguments, as ``eval_sample`` takes it."""
    names: dict[str, Any] = {**vars(typing), "re": re, "string": string, "record_match": lambda *_, **__: None}
    for file, functions in FUNCTIONS.items():
        tree = ast.parse((package / file).read_text(encoding="utf-8"))
        tree.body = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name in functions]
        flags = __future__.annotations.compiler_flag
        exec(compile(tree, file, "exec", flags=flags), names)  # noqa: S102 - the package's own functions
    return {
        "Match": lambda answer, ideal, _: names["record_and_check_match"]("", answer, ideal) is not None,
        "Includes": lambda answer, ideal, arguments: any(
            names["get_answer"](answer, one, arguments.get("ignore_case", False)) is not None for one in ideal
        ),
        "FuzzyMatch": lambda answer, ideal, _: any(names["fuzzy_match"](answer, one) for one in ideal),
        "JsonMatch": lambda answer, ideal, _: any(names["json_match"](_json(answer), json.loads(one)) for one in ideal),
    }


def _json(answer: str) -> Any:
    try:
        return json.loads(answer)
    except ValueError:
        return None
