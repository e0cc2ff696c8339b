"""Reads stored looks with the sums and the plan that each was computed from, so that they can be repeated."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from fairtrial.domain.limits.constants import microseconds
from fairtrial.experiments.analysis.memory import SplitLatch
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import Finding
from fairtrial.experiments.sums import Sums
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.experiments.charts.shown_looks import read_finding
from fairtrial.store.experiments.looks import SAME_UNITS, read_arms

ROWS = f"""
SELECT l.number, l.at_time, l.metric, l.variant, l.control_units, l.treatment_units, l.control_sums, l.treatment_sums,
    l.finding, l.split, p.plan
FROM looks l JOIN analysis_plans p ON p.number = l.plan_number
WHERE l.plan_number IN ({SAME_UNITS}) AND l.at_time <= $2
ORDER BY l.number, l.rowid
"""  # noqa: S608 - ours


@dataclass(frozen=True, slots=True)
class RepeatedLook:
    """One look: its number, the plan in force, the sums, and the findings and the split test that were stored."""

    number: int
    plan: AnalysisPlan
    sums: Sums
    findings: tuple[Finding, ...]
    split: SplitLatch


@dataclass(frozen=True, slots=True)
class StoredLook:
    """The rows of one look, which may have been changed."""

    number: int
    rows: Sequence[tuple[Any, ...]]

    def read(self) -> RepeatedLook:
        """The look; raises one of `UNREADABLE` if its rows don't fit together."""
        return _look(self.number, self.rows)


UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, msgspec.MsgspecError)


def repeated_looks(database: Database, plan_number: int, *, until_us: int) -> list[StoredLook]:
    """The looks at the units of this plan until a time, oldest first; raises `StoreError`."""
    looks: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for number, *row in database.rows(ROWS, (plan_number, timestamp(until_us))):
        looks[number].append(tuple(row))
    return [StoredLook(number, rows) for number, rows in looks.items()]


def _look(number: int, rows: Sequence[tuple[Any, ...]]) -> RepeatedLook:
    plan = AnalysisPlan.restored(json.loads(rows[0][-1]))
    split = SplitLatch.restored(json.loads(rows[0][-2]))
    lost = {} if split.lost is None else split.lost.arms
    arms = {
        name: replace(arm, lost_units=lost.get(name, (0, 0))[0], lost_requests=lost.get(name, (0, 0))[1])
        for name, arm in read_arms(plan, [row[1:-3] for row in rows]).items()
    }
    findings = tuple(read_finding(row[-3]) for row in rows)
    return RepeatedLook(number, plan, Sums(microseconds(rows[0][0]), arms), findings, split)
