"""Defines the report of an audit: the files that it read, and what each check found in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from fairtrial.domain.training_data import PROBLEMS, AuditFile, AuditRole, AuditSeverity, Waiver

Severity = AuditSeverity
Role = AuditRole
SEVERITIES: tuple[Severity, ...] = get_args(AuditSeverity)
AUDIT_VERSION = "2"
"""The version of the checks and their thresholds. A change of what they find changes it."""

MOST_LISTED = 1_000
"""Groups or matches that an issue lists; its rows are complete."""


@dataclass(frozen=True, slots=True)
class WaivedRows:
    """What a waiver of the lineage covers of an issue: the lines of its rows."""

    waiver: Waiver
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Issue:
    """What one check found in one file.

    ``check``: its name, such as ``duplicates``. ``says``: one sentence. ``rows``: the lines concerned, in order.
    ``count``: how many things were found, which can be other than rows. ``details``: figures for machines; it has
    no secret text. ``waived``: what waivers cover of it; no row is covered twice.
    """

    check: str
    severity: Severity
    says: str
    file: str
    rows: tuple[int, ...] = ()
    count: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    waived: tuple[WaivedRows, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of the finding, or an empty text if its check finds one kind only."""
        return str(self.details.get("kind", ""))

    @property
    def open_rows(self) -> tuple[int, ...]:
        """The rows that no waiver covers."""
        covered = {row for part in self.waived for row in part.rows}
        return tuple(row for row in self.rows if row not in covered)

    @property
    def is_waived(self) -> bool:
        """Whether waivers cover the whole issue."""
        return bool(self.waived) and not self.open_rows


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of an audit. ``waiver_warnings``: the waivers that have expired or cover nothing."""

    version: str
    files: tuple[AuditFile, ...]
    issues: tuple[Issue, ...]
    waiver_warnings: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether no issue is an error or a warning, apart from waived ones."""
        return all(issue.severity not in PROBLEMS or issue.is_waived for issue in self.issues)
