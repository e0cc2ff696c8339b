"""Suites by name: the files in a folder, and one below, that define them."""

from __future__ import annotations

from pathlib import Path

from fairtrial.config import yaml_file
from fairtrial.domain.errors import ConfigError


def suites_near(folder: Path, *, but: Path | None = None) -> dict[str, Path]:
    """Suite name → file. Files that can't be read define none: whoever loads a suite by path gets its mistakes."""
    found: dict[str, Path] = {}
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml")]):
        for name in () if file == but else _names(file):
            found.setdefault(name, file)
    return found


def _names(file: Path) -> list[str]:
    try:
        documents = yaml_file.load(file)
    except ConfigError:
        return []
    values = [document.value for document in documents if isinstance(document.value, dict)]
    return [value["suite"] for value in values if isinstance(value.get("suite"), str)]
