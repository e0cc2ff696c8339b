"""The care of one open store, put together: for the control process, and for a command that opened the store itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fairtrial.store.backup import Backup, make_backup
from fairtrial.store.database import Database
from fairtrial.store.ingest import Ingester
from fairtrial.store.steps import OnStep, silent


class StoreCare:
    """What the owner of a store does to keep it well; ``actor`` is who the audit trail names."""

    def __init__(self, database: Database, ingester: Ingester, clock_us: Callable[[], int], *, actor: str) -> None:
        self._database = database
        self._ingester = ingester
        self._clock_us = clock_us
        self._actor = actor

    def backup(self, dest: Path, on_step: OnStep = silent) -> Backup:
        """A consistent copy of all that has been acknowledged until now; raises `UsageError`, `StoreError`."""
        self._ingester.catch_up()
        return make_backup(self._database, dest, now_us=self._clock_us(), actor=self._actor, on_step=on_step)
