"""Reads the cases of suites as examples, so that an audit can compare them with training rows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from evaluators.training_data.example import Example, text_of
from fairtrial.safe_files import read_named

if TYPE_CHECKING:
    from pathlib import Path

    from evaluators.training_data.example import Example
    from evaluators.training_data.example_file import ExampleFile
    from fairtrial.domain.run import Case


def read_suite(path: Path) -> ExampleFile:
    """The cases of all suites of a file, numbered from 1; raises `ConfigError`. Its digest covers file and cases."""
    from evaluators.loading.suite_reader import load
    from evaluators.training_data.example_file import ExampleFile

    suites = load(path)
    cases = [case for suite in suites for case in suite.cases]
    content = read_named(path) + "".join(suite.digest for suite in suites).encode()
    examples = tuple(_example(number, case) for number, case in enumerate(cases, 1))
    return ExampleFile(path, hashlib.sha256(content).hexdigest(), "suite", examples)


def _example(number: int, case: Case) -> Example:
    said = [{"role": str(one["role"]), "content": _text(one.get("content"))} for one in case.messages]
    expected = text_of({"expected": case.expected}, "expected")
    return Example(number, (*said, {"role": "assistant", "content": expected}), {"case": case.case_id})


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")
