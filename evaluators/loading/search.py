"""Finds suites by name, in the files of a folder and of its subfolders."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fairtrial.config.file import yaml_file
from fairtrial.config.file.project_files import Budget
from fairtrial.domain.errors import ConfigError

MOST_FILES = 200
"""Only the first files by name are searched; a gate in a larger folder must list its suites by path."""


@dataclass(slots=True)
class Nearby:
    """``suites``: name → file. ``unreadable``: files that cannot be read, one of which may define a missing suite."""

    suites: dict[str, Path] = field(default_factory=dict)
    unreadable: list[Path] = field(default_factory=list)


def suites_near(folder: Path, *, exclude: Path | None = None) -> dict[str, Path]:
    """Suite name → file. Unreadable files define none; loading a suite by path reports its errors."""
    return search(folder, exclude=exclude).suites


def search(
    folder: Path, *, exclude: Path | None = None, root: Path | None = None, budget: Budget | None = None
) -> Nearby:
    """Suites and unreadable files; ``root`` and ``budget`` are as in `yaml_file.load`."""
    found = Nearby()
    files = _files(folder, exclude)
    found.unreadable += files[MOST_FILES:]
    for file in files[:MOST_FILES]:
        names = _names(file, root, budget)
        if names is None:
            found.unreadable.append(file)
        for name in names or ():
            found.suites.setdefault(name, file)
    return found


def _files(folder: Path, exclude: Path | None) -> list[Path]:
    return [file for file in sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml")]) if file != exclude]


def _names(file: Path, root: Path | None, budget: Budget | None) -> list[str] | None:
    try:
        documents = yaml_file.load(file, root=root, budget=budget)
    except ConfigError:
        return None
    values = [document.value for document in documents if isinstance(document.value, dict)]
    return [value["suite"] for value in values if isinstance(value.get("suite"), str)]
