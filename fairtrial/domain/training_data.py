"""Defines the lineage of a fine-tuned model, and the audit of its training data, without any row's text."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

from annotated_types import Len, MaxLen
from msgspec import Meta, Struct

from fairtrial.domain.settings import ADDED_LATER, Converted, Date, Money, Name
from fairtrial.domain.wording import counted

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


MOST_WAIVERS, MOST_WAIVED_ROWS = 100, 1000
_ROW_NAME = re.compile(r"[1-9]\d{0,11}:[0-9a-f]{16}")


def _row_name(text: str) -> str:
    if _ROW_NAME.fullmatch(text) is None:
        raise ValueError(f"{text!r} does not name a row (such as 17:3f9a12c4d5e6a7b8, in the audit's HTML report)")
    return text


RowName = Annotated[str, Converted(_row_name, "after")]
"""The line of a row and the start of its SHA-256, such as `17:3f9a12c4d5e6a7b8`. Only the digest identifies the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Findings of an audit that somebody has looked at and accepts. Every audit and verdict lists them."""

    check: Name
    """The check that found them, such as `completions`."""
    kind: Name | None = None
    """The kind of the findings, such as `truncated`; by default every kind of the check."""
    rows: Annotated[tuple[RowName, ...], MaxLen(MOST_WAIVED_ROWS)] = ()
    """The rows, as the HTML report of the audit names them. A row that changes is no longer covered."""
    all: bool = False
    """Whether every finding of the check is accepted, also in rows that are added later. Instead of `rows`."""
    reason: Name
    """Why the findings are acceptable."""
    owner: Name
    """Who answers for it."""
    until: Date | None = None
    """The last day (UTC) on which it holds, such as `2027-01-31`; by default it always holds."""

    @property
    def subject(self) -> str:
        """What it covers, such as ``completions/truncated``."""
        return f"{self.check}/{self.kind}" if self.kind else self.check

    @property
    def says(self) -> str:
        """Who accepts it until when, and why."""
        return f"by {self.owner}{f' until {self.until}' if self.until else ''}: {self.reason}"

    def expired(self, day: date) -> bool:
        """Whether it no longer holds on a day."""
        return self.until is not None and date.fromisoformat(self.until) < day


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
    waivers: Annotated[tuple[Waiver, ...], MaxLen(MOST_WAIVERS)] = field(default=(), metadata=ADDED_LATER)
    """Findings of the audit that are accepted, so that `data.audit clean` can pass."""

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


class WaivedCount(Struct, frozen=True, forbid_unknown_fields=True):
    """What one waiver covers of what one check found at one severity."""

    count: CheckCount
    waiver: Waiver

    @property
    def says(self) -> str:
        """What is waived by whom, and why."""
        rows = f" in {counted(self.count.rows, 'row')}" if self.count.rows else ""
        return f"{self.waiver.subject}{rows}, waived {self.waiver.says}"


MOST_FOUND, MOST_LINES, MOST_GROUPS = 2000, 1000, 200
Line = Annotated[int, Meta(ge=1, le=10**12)]
RowPlace = tuple[Annotated[int, Meta(ge=0, le=10_000)], Line]
"""The position of a file in the audit, and a line."""
RowGroup = Annotated[tuple[RowPlace, ...], Meta(max_length=10)]


class AuditFinding(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One finding in one file by its numbers, so that no row's text is stored.

    ``file``: its position in the audit. ``rows``: how many rows it concerns. ``lines``: the first of them. ``groups``:
    rows that belong together, such as duplicates. ``waived``: how many of the rows a waiver covers.
    """

    check: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    kind: Annotated[str, Meta(max_length=64)]
    severity: AuditSeverity
    file: Annotated[int, Meta(ge=0, le=10_000)]
    rows: Count
    lines: Annotated[tuple[Line, ...], Meta(max_length=MOST_LINES)] = ()
    groups: Annotated[tuple[RowGroup, ...], Meta(max_length=MOST_GROUPS)] = ()
    waived: Count = 0
    is_waived: bool = False


@dataclass(frozen=True, slots=True)
class RowText:
    """One row as a report shows it, masked and cut. ``fields``: its other columns. ``cut``: characters left out."""

    file: str
    line: int
    messages: tuple[tuple[str, str], ...]
    system: str = ""
    fields: str = ""
    cut: int = 0

    @property
    def size(self) -> int:
        """Its characters."""
        return len(self.system) + len(self.fields) + sum(len(text) for _, text in self.messages)


class DataAudit(Struct, frozen=True, omit_defaults=True):
    """A stored audit.

    ``version``: of the checks. ``program``: the version of fairtrial. ``deployment``: whose lineage it read, ``None``
    for files by name. ``actor``: who stored it. ``seconds``: how long it took. ``counts``: what no waiver covers.
    ``waived``: what a waiver covers, in audits since waivers exist.
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
    waived: tuple[WaivedCount, ...] = ()

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
    def waivers(self) -> tuple[Waiver, ...]:
        """The waivers on which it rests."""
        return tuple(part.waiver for part in self.waived)

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
