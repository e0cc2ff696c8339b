"""Where everything of one store lies on disk: beside the DuckDB file, in one folder of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

REFUSED = "plan.refused"
"""Beside the plan, while a changed `fairtrial.yaml` is not in force."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one store; ``store`` is the DuckDB file and ``folder`` is ``<store>.d`` beside it, mode 0700.

    ``memory_mb``: what the engine may use, in MiB (`store.memory_mb`); ``None``: what a store of its size needs.
    """

    store: Path
    memory_mb: int | None = field(default=None, compare=False)

    @property
    def folder(self) -> Path:
        return self.store.with_name(self.store.name + ".d")

    @property
    def journal(self) -> Path:
        """Segments that are being written, or wait to be ingested."""
        return self.folder / "journal"

    @property
    def plan(self) -> Path:
        """The published plan that workers watch (0600)."""
        return self.folder / "plan.json"

    @property
    def plan_refused(self) -> Path:
        """Why a changed `fairtrial.yaml` is not in force (0600); absent while it is."""
        return self.folder / REFUSED

    @property
    def damage(self) -> Path:
        """What was found wrong with the store's file, and with which file: JSON."""
        return self.folder / "store.damaged"

    @property
    def backups(self) -> Path:
        """The folders of all backups that were made, one a line: what is left to ask when the store is damaged."""
        return self.folder / "backups.list"

    @property
    def lock(self) -> Path:
        """Held with flock by the owner of the store for as long as it lives."""
        return self.folder / "owner.lock"

    @property
    def services_lock(self) -> Path:
        """Held with flock by the program that starts and watches the services (`fairtrial up`)."""
        return self.folder / "services.lock"

    @property
    def owner(self) -> Path:
        """Who the owner is: JSON with ``pid``, ``control_url`` and ``gateway_url`` (each may be null)."""
        return self.folder / "owner.json"

    @property
    def internal_key(self) -> Path:
        """The key of evaluation runs on this machine (0600); it may pin deployments and variants."""
        return self.folder / "internal.key"

    @property
    def admin_key(self) -> Path:
        """The key of this machine's commands for the control API (0600); control writes it at every start."""
        return self.folder / "admin.key"

    @property
    def cache(self) -> Path:
        """Answers of evaluation runs, by content."""
        return self.folder / "cache"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def make(self) -> Layout:
        """Create the folders, readable by their owner only."""
        for folder in (self.folder, self.journal, self.cache, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self
