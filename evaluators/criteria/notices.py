"""Reports keys and gate lines that are valid but have no effect in this version, each once with its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fairtrial.config.file.yaml_file import Document, Step
from fairtrial.domain.errors import Diagnostic

NOTHING = "this key has no effect in this version"
INERT_IN_SUITES: Mapping[str, str] = {"against": "each line of 'gate' names its own baseline"}
"""Keys without an effect, and what to know about each."""
NO_EXPERIMENT = "no experiment decides it, so a gate with this line never returns SHIP"
NAME_ONE = "write 'experiment: NAME' in the gate"


def inert_keys(document: Document, keys: Mapping[str, str]) -> Iterator[Diagnostic]:
    """The keys of the document that have no effect."""
    value: Any = document.value
    yield from (document.diagnostic((key,), NOTHING, known) for key, known in keys.items() if key in value)


def homeless_lines(document: Document, lines: Iterable[tuple[tuple[Step, ...], str]]) -> Iterator[Diagnostic]:
    """Live lines, by place and text, of a gate that names no experiment."""
    yield from (document.diagnostic(place, f"{text!r}: {NO_EXPERIMENT}", NAME_ONE) for place, text in lines)
