"""Reads training examples from columns with any names, for conversion to a format that names them as usual."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fairtrial_cli.training_data.options import named_columns, read_source

if TYPE_CHECKING:
    from evaluators.training_data.example import Example


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns with the prompt and the completion, both or neither, and the system prompt of rows without one."""

    prompt: str | None = None
    completion: str | None = None
    system: str | None = None


def read_columns(path: Path, columns: Columns, *, skip_unreadable: bool) -> tuple[list[Example], str]:
    """The examples, and the name of the format in which they are; raises `UsageError` and `ConfigError`."""
    names = named_columns(columns.prompt, columns.completion)
    file = read_source(path, skip_unreadable=skip_unreadable, columns=names)
    examples, form = list(file.examples), file.format if names is None else "columns"
    if columns.system:
        examples = [_with_system(one, columns.system) for one in examples]
    return examples, form


def _with_system(example: Example, system: str) -> Example:
    if example.system:
        return example
    return replace(example, messages=({"role": "system", "content": system}, *example.messages))
