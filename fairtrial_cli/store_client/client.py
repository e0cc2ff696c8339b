"""Gives commands access to the store: through control's API if control runs, otherwise by opening it."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from fairtrial.api.operation import Operation, Q, R
from fairtrial.config.layout import Layout
from fairtrial.config.owner_lock import read_note
from fairtrial.domain.errors import StoreLocked
from fairtrial.domain.store_reports import OnProgress, ignore_progress

if TYPE_CHECKING:
    from pathlib import Path

TRY_SECONDS = 0.1
WAIT_SECONDS = 10.0
"""How long a command waits for another command that has the store open."""


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
        from fairtrial_cli.store_client.local_client import LocalClient
        from fairtrial_cli.store_client.local_owner import LocalOwner

        try:
            return LocalClient(LocalOwner(layout, config))
        except StoreLocked:
            if time.monotonic() > deadline:
                raise
        time.sleep(TRY_SECONDS)
