"""Defines the lineage of a fine-tuned model, and the audit of its training data, without any row's text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Len, MaxLen
from msgspec import Meta, Struct

from fairtrial.domain.settings import Converted, Date, Money, Name

TrainingMethod = Literal["lora", "qlora", "full", "api"]
DataRole = Literal["train", "validation"]
MOST_FILES = 100
AuditSeverity = Literal["error", "warning", "suggestion", "info"]
PROBLEMS: tuple[AuditSeverity, ...] = ("error", "warning")
"""The severities that keep training data from being clean. A suggestion is a heuristic that often finds good rows."""
AuditRole = Literal["train", "validation", "suite"]
LEAKAGE = "leakage"
"""The check that compares training rows with held-out files and suites."""

LONGEST_PATH = 4096
Count = Annotated[int, Meta(ge=0, le=10**12)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """How the model was trained. Nothing in it changes how requests are served."""

    base: Annotated[str, Converted(lambda base: base or "", "after", Name | None)] = ""
    """What training started from: by default `parent`. It must be `parent` or its model."""
    method: TrainingMethod
    """`lora`, `qlora`, `full` (all weights), or `api` (a provider trains it)."""
    data: Annotated[tuple[Name, ...], Len(1, MOST_FILES)]
    """The files of training examples, relative to this file and inside its folder."""
    validation: Annotated[tuple[Name, ...], MaxLen(MOST_FILES)] = ()
    """The files of examples that measured the loss during training."""
    job: Name | None = None
    """The provider's id of the training job, such as `ftjob-abc123`."""
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the training, such as `{epochs: 3, learning_rate: 0.001}`."""
    cost: Annotated[float, Converted(float, "after", Money)] | None = None
    """US dollars that the training cost."""
    at: Date | None = None
    """The day of the training, such as `2026-11-25`."""
    log: Name | None = None
    """The file of the training log, relative to this file and inside its folder."""

    def files(self) -> tuple[tuple[DataRole, str], ...]:
        """The role and path of each file of training data, in the order of the declaration."""
        train: list[tuple[DataRole, str]] = [("train", path) for path in self.data]
        return (*train, *(("validation", path) for path in self.validation))


class AuditFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file that an audit read; ``sha256`` is the digest of its bytes, ``rows`` the examples that could be read."""

    path: Annotated[str, Meta(max_length=LONGEST_PATH)]
    role: AuditRole
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    rows: Count
    format: Annotated[str, Meta(max_length=100)]


class CheckCount(Struct, frozen=True, forbid_unknown_fields=True):
    """What one check found at one severity: how many issues, and how many rows they concern.

    It has a name and numbers only, so that no row's text is stored.
    """

    check: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    severity: AuditSeverity
    issues: Count
    rows: Count


@dataclass(frozen=True, slots=True)
class DataAudit:
    """A stored audit.

    ``version``: of the checks. ``program``: the version of fairtrial. ``deployment``: whose lineage it read, ``None``
    for files by name. ``actor``: who stored it. ``seconds``: how long it took.
    """

    audit_id: str
    at_us: int
    deployment: str | None
    actor: str
    version: str
    program: str
    seconds: float
    files: tuple[AuditFile, ...]
    counts: tuple[CheckCount, ...]

    @property
    def problems(self) -> tuple[CheckCount, ...]:
        """What keeps it from being clean, the worst first and then the most rows."""
        counts = [count for count in self.counts if count.severity in PROBLEMS]
        return tuple(sorted(counts, key=lambda count: (count.severity != "error", -count.rows, count.check)))

    @property
    def clean(self) -> bool:
        """Whether it read training data and found no error and no warning."""
        return not self.problems and sum(file.rows for file in self.files if file.role == "train") > 0

    @property
    def suites(self) -> frozenset[str]:
        """The paths of the suites with which it compared the training data."""
        return frozenset(file.path for file in self.files if file.role == "suite")

    @property
    def leaks(self) -> bool:
        """Whether it found training rows in held-out files or suites."""
        return any(count.check == LEAKAGE for count in self.problems)

    @property
    def digests(self) -> tuple[tuple[str, str], ...]:
        """The role and digest of each file of training data, without suites."""
        return data_digests((file.role, file.sha256) for file in self.files)


def data_digests(files: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Roles and digests of training and validation files in the order that identifies them, without suites."""
    return tuple(sorted({(role, sha256) for role, sha256 in files if role != "suite"}))


@dataclass(frozen=True, slots=True)
class PresentFile:
    """A file of the lineage as it is when the gate judges: its digest, or ``wrong``, why it could not be read."""

    path: str
    role: DataRole
    sha256: str = ""
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class TrainingEvidence:
    """What is known about a candidate's training data.

    ``audit_version``: the version of the checks in this program. ``audit``: the newest audit of exactly these files;
    without one, ``earlier`` is the newest audit that read the deployment's data when it was different.
    """

    deployment: str
    lineage: Lineage | None
    audit_version: str
    files: tuple[PresentFile, ...] = ()
    audit: DataAudit | None = None
    earlier: DataAudit | None = None
