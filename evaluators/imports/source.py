"""Defines a source of evaluations, such as another tool's file format. The implementations are in `sources/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluators.imports.imported import ImportedSuite
from fairtrial.domain.registry import Registry


@dataclass(frozen=True, slots=True)
class Source:
    """One source: ``read(files, columns)`` gives its suites, or raises `ImportRefused`.

    ``columns`` maps names of the files' columns to ours, for sources that are tables.
    """

    name: str
    summary: str
    read: Callable[[Sequence[Path], Mapping[str, str]], list[ImportedSuite]] = field(repr=False)


SOURCES: Registry[Source] = Registry(
    "evaluators.imports.sources", "sources", noun="source", kind=Source, name_of=lambda source: source.name
)
