"""Defines what the store reports: its contents, traffic by variant, and the progress of long operations."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Milliseconds = Annotated[float, Meta(description="milliseconds")]
Found = Literal["holds it", "free of it", "rewritten", "not there", "can't be read"]


@dataclass(frozen=True, slots=True)
class IngestResult:
    """The result of one pass: ``rows`` events, ``rejects`` rejected lines, and the segments that can't be read.

    ``failed``: whether requests of a running experiment failed or were rejected.
    """

    rows: int = 0
    rejects: int = 0
    unreadable: tuple[str, ...] = ()
    failed: bool = False

    def __add__(self, result: "IngestResult") -> "IngestResult":
        unreadable = dict.fromkeys(self.unreadable + result.unreadable)
        failed = self.failed or result.failed
        return IngestResult(self.rows + result.rows, self.rejects + result.rejects, tuple(unreadable), failed)


@dataclass(frozen=True, slots=True)
class Losses:
    """Events that were not recorded and syncs that the disk refused. ``last_us`` is ``None`` if there were none."""

    lost: int = 0
    sync_failures: int = 0
    last_us: int | None = None

    def __add__(self, losses: "Losses") -> "Losses":
        last = [each for each in (self.last_us, losses.last_us) if each is not None]
        return Losses(self.lost + losses.lost, self.sync_failures + losses.sync_failures, max(last, default=None))


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A backup and where it was written; it may have been moved since."""

    backup_id: str
    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ListedBackup(BackupFile):
    """A backup as the store lists it; ``at_us`` is in UTC."""

    at_us: int


@dataclass(frozen=True, slots=True)
class Overview:
    """``rows`` by table; ``bytes`` of the file; the ``schema``'s number; the version of ``duckdb``.

    ``folders``: bytes of the journal (waiting and archived), the answer cache and the logs. Times are microseconds
    since 1970, UTC, or ``None`` where there is nothing. ``retain_days`` is ``None`` until a plan is published.
    """

    store: str
    bytes: int
    schema: int
    duckdb: str
    rows: dict[str, int]
    folders: dict[str, int]
    lag_bytes: int
    oldest_us: int | None
    newest_us: int | None
    retain_days: int | None
    last_backup: ListedBackup | None
    erasures: int
    erasure_unfinished: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` units of the work that ``what`` describes, such as rows or bytes."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Job:
    """A job. ``result`` is set when it is done, ``error`` when it has failed; ``blame`` names who caused the error."""

    job_id: str
    name: str
    state: Literal["running", "done", "failed"] = "running"
    step: Progress | None = None
    result: Any = None
    error: str | None = None
    blame: Literal["caller", "store"] | None = None


OnProgress = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """The callback of callers that show no progress."""


@dataclass(frozen=True, slots=True)
class Backup(BackupFile):
    """A finished backup with its number of rows by table."""

    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class RetentionResult:
    """What was deleted, or would be: rows by table, and other items by name; ``before_us`` is the cutoff."""

    days: int
    before_us: int
    dropped: dict[str, int]
    dry_run: bool


@dataclass(frozen=True, slots=True)
class BackupStatus:
    """One listed backup, and whether it contains the unit."""

    path: str
    found: Found


EXPORTS = (
    "files of fairtrial report, gate, migrate and verdict export",
    "rows of fairtrial review export",
    "copies of training data, and suites that were copied out of the store's folder",
)
"""What a project may have written elsewhere, which an erasure can't find."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was found and erased: rows by table, lines by kind of file, and the state of the backups.

    ``unreadable`` are segments that can't be read and may contain the unit. ``exports`` must be searched by hand.
    """

    erasure_id: str
    unit_hash: str
    counts: dict[str, int] = field(default_factory=dict)
    backups: tuple[BackupStatus, ...] = ()
    unreadable: tuple[str, ...] = ()
    exports: tuple[str, ...] = EXPORTS

    @property
    def found(self) -> bool:
        """Whether the unit was found anywhere."""
        return bool(self.counts) or any(look.found in ("holds it", "rewritten") for look in self.backups)


@dataclass(frozen=True, slots=True)
class KeyFeedback:
    """Feedback under one key: ``n`` requests or units have some, ``rated`` with a number; ``rate`` is their mean.

    The latest value of a request counts. ``rate`` is the share of yes for a boolean key, ``None`` for words only.
    """

    n: int
    rated: int
    rate: float | None


class RequestCounts(Struct, frozen=True):
    """Requests of one target, and their latencies in milliseconds, ``None`` if there were no requests.

    ``errors``: requests that the target did not answer, even if a fallback did. ``user_errors``: requests that nobody
    answered. ``kept_away``: those that an open breaker kept from it, which are no errors.
    """

    requests: int
    errors: int
    user_errors: int
    kept_away: int
    latency_p50: Milliseconds | None
    latency_p95: Milliseconds | None


class VariantTraffic(RequestCounts, frozen=True, kw_only=True):
    """One arm of one experiment, in milliseconds and US dollars (``None`` if any answer's cost is unknown).

    ``rejected``: requests that only the upstream refused, which are no errors.
    """

    variant: str
    units: int
    rejected: int
    fallbacks: int
    latency_p99: float | None
    ttft_p50: float | None
    ttft_p95: float | None
    ttft_p99: float | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    cost_unknown: int
    served_elsewhere: int
    feedback: dict[str, KeyFeedback]

    @property
    def received(self) -> int:
        """The requests that were not kept from the arm."""
        return self.requests - self.kept_away

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.received if self.received else None


@dataclass(frozen=True, slots=True)
class Traffic:
    """One experiment: its arms, and the number of requests by reason. A positive ``no_unit`` needs attention.

    ``ambiguous``: by feedback key, how many values name a response id that several requests share; they never count.
    """

    experiment: str
    variants: tuple[VariantTraffic, ...]
    reasons: dict[str, int]
    ambiguous: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AmountHistory:
    """An amount of the control's users in 14 days, up to its cap: mean ``level``, standard deviation ``spread``.

    ``share``: how much of its variance the same amount of the 14 days before explains.
    """

    metric: str
    level: float
    spread: float
    share: float


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A stored row that is not as it was stored. ``verdict_id``: the verdict that it belongs to, or empty."""

    table: str
    row: str
    says: str
    verdict_id: str = ""
