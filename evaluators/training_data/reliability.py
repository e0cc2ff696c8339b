"""Tells how reliable each kind of finding is, as `benchmarks/audit.py --only faults --write` measured it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

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
