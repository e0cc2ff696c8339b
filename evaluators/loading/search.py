"""Suites by name: the files in a folder, and one below, that define them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fairtrial.config.file import yaml_file
from fairtrial.config.file.project_files import Budget
from fairtrial.domain.errors import ConfigError

MOST_FILES = 200
"""So many files are searched, the first by name; a gate that lies among more names its suites by path."""


@dataclass(slots=True)
class Nearby:
    """``suites``: name → file. ``unreadable``: files that can't be read, of which one may define what is looked for."""

    suites: dict[str, Path] = field(default_factory=dict)
    unreadable: list[Path] = field(default_factory=list)


def suites_near(folder: Path, *, but: Path | None = None) -> dict[str, Path]:
    """Suite name → file. Files that can't be read define none: whoever loads a suite by path gets its mistakes."""
    return search(folder, but=but).suites


def search(folder: Path, *, but: Path | None = None, root: Path | None = None, budget: Budget | None = None) -> Nearby:
    """The same with the files that can't be read; ``root`` and ``budget`` are those of `yaml_file.load`."""
    found = Nearby()
    files = _files(folder, but)
    found.unreadable += files[MOST_FILES:]
    for file in files[:MOST_FILES]:
        names = _names(file, root, budget)
        if names is None:
            found.unreadable.append(file)
        for name in names or ():
            found.suites.setdefault(name, file)
    return found


def _files(folder: Path, but: Path | None) -> list[Path]:
    return [file for file in sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml")]) if file != but]


def _names(file: Path, root: Path | None, budget: Budget | None) -> list[str] | None:
    try:
        documents = yaml_file.load(file, root=root, budget=budget)
    except ConfigError:
        return None
    values = [document.value for document in documents if isinstance(document.value, dict)]
    return [value["suite"] for value in values if isinstance(value.get("suite"), str)]
