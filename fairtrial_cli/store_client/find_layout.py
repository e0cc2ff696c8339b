"""Finds the store of a project, also while its file is invalid, so that a kill never depends on that file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairtrial.config.file.environment import interpolate
from fairtrial.config.file.yaml_file import load_one
from fairtrial.config.layout import Layout
from fairtrial.config.project import load_project
from fairtrial.domain.errors import ConfigError

DEFAULT = "./fairtrial.duckdb"


def find_layout(config: Path, environ: Mapping[str, str], *, store: Path | None = None) -> Layout:
    """The files of the project's store.

    If the project file is invalid, its ``store.path`` still counts, and without that the default beside it. Raises
    `ConfigError` if there is no such store, and no plan that it has published. ``store``: the file, if it is known.
    """
    if store is not None:
        return Layout(store.absolute())
    try:
        return load_project(config, environ).layout
    except (ConfigError, OSError):
        layout = Layout(config.absolute().parent / Path(_written_path(config, environ)).expanduser())
        if not (layout.store.exists() or layout.plan.exists()):
            raise
        return layout


def _written_path(config: Path, environ: Mapping[str, str]) -> str:
    try:
        value, _ = interpolate(load_one(config).value, environ)
    except (ConfigError, OSError):
        return DEFAULT
    section: Any = value.get("store") if isinstance(value, dict) else None
    path = section.get("path") if isinstance(section, dict) else None
    return path if isinstance(path, str) and path else DEFAULT
