"""Stores the result of each look at an experiment as rows that are only added and contain no units."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.decision.values import Decision
from fairtrial.domain.limits.constants import microseconds
from fairtrial.experiments.analysis.latched import Latched
from fairtrial.experiments.analysis.memory import Key, Looked, Memory, SplitLatch
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import Finding
from fairtrial.experiments.sums import ArmSums, Sums, restored, restored_over_time, stored, stored_over_time
from fairtrial.store.access import audit
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import Page, Query, timestamp

NEXT = "SELECT coalesce(max(number), 0) + 1 FROM looks"
INSERT = """
INSERT INTO looks (
    number, at_time, plan_number, experiment, metric, variant, control_units, treatment_units, control_sums,
    treatment_sums, finding, latched, split, decision
)
VALUES """
ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
SAME_UNITS = """
SELECT other.number
FROM analysis_plans one JOIN analysis_plans other ON other.experiment = one.experiment AND other.segment = one.segment
    AND json_extract(other.plan, '$.started_us') = json_extract(one.plan, '$.started_us')
    AND json_extract(other.plan, '$.from_us') = json_extract(one.plan, '$.from_us')
WHERE one.number = $1
"""
"""Plans that count the same units: the levels became known, or an amendment changed only the stages."""

COUNT = f"""
SELECT count(DISTINCT number) FROM looks WHERE plan_number IN ({SAME_UNITS}) AND at_time <= $2
"""  # noqa: S608 - ours
NEWEST = f"""
SELECT at_time, metric, variant, control_units, treatment_units, control_sums, treatment_sums, latched, split
FROM looks
WHERE plan_number IN ({SAME_UNITS})
QUALIFY row_number() OVER (PARTITION BY metric, variant ORDER BY number DESC) = 1
ORDER BY number
"""  # noqa: S608 - ours
LAST_NUMBER = f"SELECT max(number) FROM looks WHERE plan_number IN ({SAME_UNITS})"  # noqa: S608 - ours
LIST = """
SELECT number, at_time, plan_number, experiment, metric, variant, control_units, treatment_units, control_sums,
    treatment_sums, finding, latched, split
FROM looks
WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND ($4 IS NULL OR metric = $4)
ORDER BY number DESC, metric, variant
LIMIT $5 OFFSET $6
"""


def append(cursor: Cursor, plan_number: int, look: Looked, decisions: Mapping[str, Decision]) -> int:
    """Append the rows of a look, with one entry in the audit trail, in the caller's transaction; returns its number.

    ``decisions``: what was decided then, by treatment.

    A look has one row for each metric and treatment. The monitor's memory is restored from the newest rows.
    """
    number = int(cursor.value(NEXT))
    decisions = dict(decisions)
    values: list[Any] = []
    for finding in look.findings:
        decision = decisions.pop(finding.variant, None)
        written = None if decision is None else msgspec.json.encode(decision).decode()
        values += [number, timestamp(look.sums.at_us), plan_number, *_row(look, finding), written]
    if values:
        cursor.execute(INSERT + ", ".join([ROW] * len(look.findings)), values)
    audit.record_row(
        cursor,
        audit.LOOKS,
        number,
        now_us=look.sums.at_us,
        actor=CONTROL,
        action="look.store",
        subject=look.plan.experiment,
    )
    return number


def newest(cursor: Cursor, plan_number: int) -> int:
    """The number of the last look at the units of this plan, 0 before the first one."""
    return int(cursor.value(LAST_NUMBER, [plan_number]) or 0)


def memory(cursor: Cursor, plan_number: int, plan: AnalysisPlan) -> Memory:
    """The memory after the last look at the units of this plan, whether or not its levels were known then."""
    latched: dict[Key, Latched] = {}
    sizes: dict[Key, float] = {}
    split, looked_us = SplitLatch(), 0
    metrics = {metric_plan.metric for metric_plan in plan.metrics}
    for row in cursor.execute(NEWEST, [plan_number]).fetchall():
        at_time, metric, variant, control_units, units, control_sums, sums, latch, last_split = row
        at_us = microseconds(at_time)
        latched[metric, variant] = Latched.restored(json.loads(latch))
        if metric in metrics:
            arms = read_arms(plan, [(metric, variant, control_units, units, control_sums, sums)])
            sizes |= Sums(at_us, {name: arms[name] for name in (plan.control, variant)}).sizes()
        if at_us >= looked_us:
            split, looked_us = SplitLatch.restored(json.loads(last_split)), at_us
    return Memory(latched, split, sizes, looked_us)


def read_arms(plan: AnalysisPlan, rows: Iterable[Sequence[Any]]) -> dict[str, ArmSums]:
    """The sums of each arm from the rows of one look: metric, variant, and the units and sums of both arms.

    Metrics that an amendment has removed are left out.
    """
    methods = {metric_plan.metric: metric_plan.method for metric_plan in plan.metrics}
    arms = {name: ArmSums(0) for name in plan.shares}
    for metric, variant, control_units, units, control_sums, sums in rows:
        for name, number, text in ((plan.control, control_units, control_sums), (variant, units, sums)):
            arm = replace(arms.get(name, ArmSums(0)), units=number)
            if text is not None and metric in methods:
                fields = json.loads(text)
                metrics = {**arm.metrics, metric: restored(methods[metric], fields)}
                arm = replace(arm, metrics=metrics, over_time=restored_over_time(fields) or arm.over_time)
            arms[name] = arm
    return arms


def count(database: Database, plan_number: int, *, until_us: int) -> int:
    """How many looks there were at the units of this plan until a time; raises `StoreError`."""
    return int(database.value(COUNT, (plan_number, timestamp(until_us))))


def listing(page: Page, experiment: str, *, metric: str | None = None) -> Query:
    """Looks at an experiment in a time window, newest first, with their JSON columns as text."""
    return Query(LIST, (page.since, page.until, experiment, metric, page.rows, page.offset))


def shown(database: Database, page: Page, experiment: str, *, metric: str | None = None) -> list[dict[str, Any]]:
    """As `listing`, with JSON columns read; infinite numbers are ``None``. Raises `StoreError`."""
    columns = ("control_sums", "treatment_sums", "finding", "latched", "split")
    rows = database.dicts(listing(page, experiment, metric=metric))
    return [row | {name: _read(row[name]) for name in columns} for row in rows]


def _row(look: Looked, finding: Finding) -> list[Any]:
    control, treatment = look.sums.arms[look.plan.control], look.sums.arms[finding.variant]
    latch = look.memory.latched[finding.metric, finding.variant]
    return [
        look.plan.experiment,
        finding.metric,
        finding.variant,
        control.units,
        treatment.units,
        *(_written(arm, finding) for arm in (control, treatment)),
        json.dumps(msgspec.to_builtins(finding)),
        json.dumps(latch.stored()),
        json.dumps(look.memory.split.stored()),
    ]


def _written(arm: ArmSums, finding: Finding) -> str | None:
    """The sums of one metric as JSON, with the weeks of the primary one; ``None`` without data."""
    sums = arm.metrics.get(finding.metric)
    if sums is None:
        return None
    return json.dumps(stored(sums) | (stored_over_time(arm) if finding.role == "primary" else {}))


def _read(text: str | None) -> Any:
    return None if text is None else json.loads(text, parse_constant=_nothing)


def _nothing(_: str) -> None:
    return None
