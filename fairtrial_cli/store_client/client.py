"""Finds the store of a project and opens it: through control's API if control runs, otherwise in this process."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from fairtrial.api.operation import Operation, Q, R
from fairtrial.config.file.environment import interpolate
from fairtrial.config.file.yaml_file import load_one
from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import read_note
from fairtrial.config.project import load_project
from fairtrial.domain.errors import ConfigError, StoreLocked
from fairtrial.domain.store_reports import OnProgress, ignore_progress
from fairtrial_cli.options import project_of

TRY_SECONDS = 0.1
WAIT_SECONDS = 10.0
"""How long a command waits for another command that has the store open."""

DEFAULT = "./fairtrial.duckdb"


class StoreClient(Protocol):
    """Calls operations. Raises `UsageError` if the request is refused, and `StoreError` if the store fails."""

    @property
    def layout(self) -> Layout:
        """The files of the store."""

    def call(self, operation: Operation[Q, R], request: Q) -> R:
        """The answer of an operation."""

    def follow(self, operation: Operation[Q, R], request: Q, on_progress: OnProgress = ignore_progress) -> R:
        """The result of a job, once it has ended."""

    def publish_plan(self) -> None:
        """Have the project's plan in force, and a key for commands on this machine; control does so by itself."""


def store_of(config: Path) -> AbstractContextManager[StoreClient]:
    """The opened store of the project of `--config`; raises `ConfigError`."""
    return open_store(project_of(config).layout)


def open_store(layout: Layout, config: Path | None = None) -> AbstractContextManager[StoreClient]:
    """Control's API if control runs, otherwise the opened store. Only the one in use is imported, as DuckDB is slow.

    ``config``: the project file, for what is declared now while no control runs. Raises `StoreLocked` if another
    process holds the store.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        note = read_note(layout)
        if note is not None and note.control_url is not None:
            from fairtrial_cli.store_client.http_client import HttpClient

            return HttpClient(note.control_url, layout)
        from fairtrial_cli.store_client.local_client import LocalClient, LocalOwner

        try:
            return LocalClient(LocalOwner(layout, config))
        except StoreLocked:
            if time.monotonic() > deadline:
                raise
        time.sleep(TRY_SECONDS)


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
