"""Defines where files are: those of a store, next to its DuckDB file, and the data that ship with the product."""

from dataclasses import dataclass, field
from pathlib import Path

REFUSED = "plan.refused"
"""Beside the plan, while a changed `fairtrial.yaml` is rejected."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one store: ``store`` is the DuckDB file; ``folder`` is ``<store>.d`` next to it, mode 0700.

    ``memory_mb``: the engine's memory limit in MiB (`store.memory_mb`); ``None``: by the store's size.
    """

    store: Path
    memory_mb: int | None = field(default=None, compare=False)

    @property
    def folder(self) -> Path:
        return self.store.with_name(self.store.name + ".d")

    @property
    def journal(self) -> Path:
        """Segments that are being written or wait to be ingested."""
        return self.folder / "journal"

    @property
    def plan(self) -> Path:
        """The published plan, which workers watch (0600)."""
        return self.folder / "plan.json"

    @property
    def plan_refused(self) -> Path:
        """Why a changed `fairtrial.yaml` is not in force (0600); absent otherwise."""
        return self.folder / REFUSED

    @property
    def kill_reserve(self) -> Path:
        """Allocated space, which a kill needs if the disk is full."""
        return self.folder / "kill.reserve"

    @property
    def damage(self) -> Path:
        """The damage that was found in the store's file, and the file's identity, as JSON."""
        return self.folder / "store.damaged"

    @property
    def chain_head(self) -> Path:
        """The number and the hash of the newest entry of the store's audit trail, as JSON (0600)."""
        return self.folder / "chain.json"

    @property
    def backups(self) -> Path:
        """The folders of all backups, one per line, which remain readable when the store is damaged."""
        return self.folder / "backups.list"

    @property
    def lock(self) -> Path:
        """Locked with flock by the owner of the store for its whole life."""
        return self.folder / "owner.lock"

    @property
    def services_lock(self) -> Path:
        """Locked with flock by the program that runs the services (`fairtrial up`)."""
        return self.folder / "services.lock"

    @property
    def owner(self) -> Path:
        """The owner, as JSON with ``pid``, ``control_url`` and ``gateway_url`` (each may be null)."""
        return self.folder / "owner.json"

    @property
    def internal_key(self) -> Path:
        """The key for evaluation runs on this machine (0600); it may select deployments and variants."""
        return self.folder / "internal.key"

    @property
    def admin_key(self) -> Path:
        """The key of this machine's commands for the control API (0600); control writes it at every start."""
        return self.folder / "admin.key"

    @property
    def cache(self) -> Path:
        """The cache of answers for evaluation runs, by content."""
        return self.folder / "cache"

    @property
    def traffic_suites(self) -> Path:
        """Suites whose rows are recorded requests or reviewed pairs; an erasure overwrites the rows of its unit."""
        return self.folder / "traffic"

    @property
    def migrations(self) -> Path:
        """The newest report of `fairtrial migrate` on each deployment, as JSON without texts of cases."""
        return self.folder / "migrations"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def make(self) -> "Layout":
        """Create the folders, readable only by their owner."""
        for folder in (self.folder, self.journal, self.cache, self.traffic_suites, self.migrations, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self


def spending_file(folder: Path, part: str) -> Path:
    """The file in a store's folder that counts what a part of a trial has spent by itself; ``part``: its id."""
    return folder / f"spending.{part}"


_PACKAGE = Path(__file__).parent.parent
INSTALLED = _PACKAGE / "bundled"
"""Where the wheel contains the data. An editable install does not have this folder."""
CHECKOUT = _PACKAGE.parent


def written_key(file: Path) -> str | None:
    """The key in one of these files; ``None`` if there is none, or if this user may not read it."""
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def bundled_data(name: str) -> Path:
    """The path of bundled data, named as in the repository, such as ``examples/init``.

    An editable install reads the repository itself; an installed wheel reads ``fairtrial/bundled``.
    """
    root = INSTALLED if INSTALLED.is_dir() else CHECKOUT
    return root / name
