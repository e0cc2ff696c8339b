"""Defines the report of an audit, and says how reliable each kind of its findings is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, get_args

import msgspec

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


MEASURED = Path(__file__).with_name("reliability.json")


class Measurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind in the texts of one package: planted rows and those found, sound rows and those named all the same."""

    check: str
    kind: str
    source: str
    planted: int
    found: int
    clean_rows: int
    false_alarms: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """``recall`` is the share of the planted rows that the kind names; ``None`` if no fault was planted for it."""

    recall: float | None
    false_alarms_per_1000: float
    clean_rows: int
    source: str

    @property
    def says(self) -> str:
        """Both figures in words."""
        recall = "" if self.recall is None else f"recall {self.recall:.0%}, "
        return f"{recall}{self.false_alarms_per_1000:.1f} false alarms per 1,000 clean rows"


def reliability_of(check: str, kind: str) -> Reliability | None:
    """The measurements of a kind in all sources together; ``None`` if it was not measured."""
    of_kind = [each for each in measurements() if (each.check, each.kind) == (check, kind)]
    clean_rows = sum(each.clean_rows for each in of_kind)
    if not clean_rows:
        return None
    planted = sum(each.planted for each in of_kind)
    return Reliability(
        sum(each.found for each in of_kind) / planted if planted else None,
        1_000 * sum(each.false_alarms for each in of_kind) / clean_rows,
        clean_rows,
        ", ".join(each.source for each in of_kind),
    )


@cache
def measurements() -> tuple[Measurement, ...]:
    """Every measurement, by check, kind and source."""
    return msgspec.json.decode(MEASURED.read_bytes(), type=tuple[Measurement, ...])
