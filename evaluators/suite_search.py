"""Suites by name: the files in a folder, and one below, that define them."""

from __future__ import annotations

from pathlib import Path

from fairtrial.config import yaml_file
from fairtrial.domain.errors import ConfigError


def suites_near(folder: Path, *, but: Path | None = None) -> dict[str, Path]:
    """Suite name → file. Files that can't be read define none: whoever loads a suite by path gets its mistakes."""
    found: dict[str, Path] = {}
    for file in _files(folder, but):
        for name in _names(file) or ():
            found.setdefault(name, file)
    return found


def unreadable_near(folder: Path, *, but: Path | None = None) -> list[Path]:
    """The files that would be searched, but are not YAML: the suite that is looked for may be in one of them."""
    return [file for file in _files(folder, but) if _names(file) is None]


def _files(folder: Path, but: Path | None) -> list[Path]:
    return [file for file in sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml")]) if file != but]


def _names(file: Path) -> list[str] | None:
    try:
        documents = yaml_file.load(file)
    except ConfigError:
        return None
    values = [document.value for document in documents if isinstance(document.value, dict)]
    return [value["suite"] for value in values if isinstance(value.get("suite"), str)]
