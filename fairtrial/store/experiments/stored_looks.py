"""Reads stored looks: the decision of the last one, the series that pages show, and the data to repeat a look."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import msgspec

from fairtrial.domain.decision.values import Decision
from fairtrial.domain.errors import Unavailable
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.limits.constants import microseconds
from fairtrial.experiments.analysis.memory import Looked, LooksSoFar, Memory, SplitLatch
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.decide import decide, look
from fairtrial.experiments.methods.finding import Finding
from fairtrial.experiments.sums import Sums
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.experiments import looks
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.looks import SAME_UNITS, read_arms
from fairtrial.store.experiments.sums.heavy_units import with_units

NEWEST = f"""
SELECT at_time, metric, variant, control_units, treatment_units, control_sums, treatment_sums
FROM looks
WHERE plan_number IN ({SAME_UNITS})
QUALIFY number = max(number) OVER ()
"""  # noqa: S608 - ours
SERIES = f"""
WITH numbered AS (
    SELECT number, at_time, variant, control_units, treatment_units, finding, latched,
        row_number() OVER (PARTITION BY variant ORDER BY number DESC) - 1 AS newer,
        count(*) OVER (PARTITION BY variant) AS total
    FROM looks
    WHERE plan_number IN ({SAME_UNITS}) AND metric = $2 AND json_extract(finding, '$.estimate.value') IS NOT NULL
)
SELECT at_time, variant, control_units, treatment_units, finding, latched
FROM numbered
WHERE newer % ((total + $3 - 1) // $3) = 0
ORDER BY number
"""  # noqa: S608 - ours
"""At most $3 looks of each treatment, evenly chosen, with the newest one."""

ROWS = f"""
SELECT l.number, l.at_time, l.metric, l.variant, l.control_units, l.treatment_units, l.control_sums, l.treatment_sums,
    l.finding, l.split, p.plan
FROM looks l JOIN analysis_plans p ON p.number = l.plan_number
WHERE l.plan_number IN ({SAME_UNITS}) AND l.at_time <= $2
ORDER BY l.number, l.rowid
"""  # noqa: S608 - ours
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, msgspec.MsgspecError)
READS = 5
"""How often the last look is read again if another one is stored meanwhile."""
MOST_PLANNED = 1000
NEWEST_DECIDED = f"""
SELECT variant, decision
FROM looks
WHERE plan_number IN ({looks.SAME_UNITS}) AND number = $2 AND decision IS NOT NULL
"""  # noqa: S608 - ours


@dataclass(frozen=True, slots=True)
class ShownLook:
    """One look at one treatment that had an interval. ``units`` are those of the control and the treatment."""

    at_us: int
    variant: str
    units: int
    finding: Finding
    running: Mapping[str, Any]


def newest_sums(database: Database, stored: StoredPlan) -> Sums:
    """The sums of the newest look; arms without units before the first one. Raises `StoreError`."""
    rows = list(database.rows(NEWEST, (stored.number,)))
    at_us = microseconds(rows[0][0]) if rows else stored.at_us
    return Sums(at_us, read_arms(stored.plan, [row[1:] for row in rows]))


def metric_series(database: Database, stored: StoredPlan, metric: str, *, most: int) -> list[ShownLook]:
    """The looks at the units of this plan, oldest first, at most ``most`` for each treatment; raises `StoreError`."""
    return [
        ShownLook(
            microseconds(at_time), variant, control + treatment, read_finding(finding), json.loads(latched)["running"]
        )
        for at_time, variant, control, treatment, finding, latched in database.rows(
            SERIES, (stored.number, metric, most)
        )
    ]


def read_finding(text: str) -> Finding:
    values = json.loads(text)
    kind = Estimate if "value" in values["estimate"] else NotEnough
    known = {field.name for field in fields(Finding)}
    return Finding(**{name: value for name, value in values.items() if name in known} | {
        "estimate": kind(**values["estimate"])
    })  # fmt: skip


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


def repeated_looks(database: Database, plan_number: int, *, until_us: int) -> list[StoredLook]:
    """The looks at the units of this plan until a time, oldest first; raises `StoreError`."""
    looks: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for number, *row in database.rows(ROWS, (plan_number, timestamp(until_us))):
        looks[number].append(tuple(row))
    return [StoredLook(number, rows) for number, rows in looks.items()]


def _look(number: int, rows: Sequence[tuple[Any, ...]]) -> RepeatedLook:
    at_us = microseconds(rows[0][0])
    plan = AnalysisPlan.restored(json.loads(rows[0][-1])).in_week(at_us)
    split = SplitLatch.restored(json.loads(rows[0][-2]))
    lost = {} if split.lost is None else split.lost.arms
    arms = {
        name: replace(arm, lost_units=lost.get(name, (0, 0))[0], lost_requests=lost.get(name, (0, 0))[1])
        for name, arm in read_arms(plan, [row[1:-3] for row in rows]).items()
    }
    findings = tuple(read_finding(row[-3]) for row in rows)
    return RepeatedLook(number, plan, Sums(at_us, arms), findings, split)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedLook(LooksSoFar):
    """With the decision about each treatment.

    ``looks``: how many there were. Before the first look the sums are empty and nothing is decided. ``late_us``: the
    time since the start that only a correction of the wall clock made, by which the primary metric counts later. A
    `LiveExperiment` is about one treatment and also exists before the start.
    """

    decisions: Mapping[str, Decision]
    looks: int
    late_us: int = 0


def read(database: Database, stored: StoredPlan) -> DecidedLook:
    """What was decided at the last look at the units of this plan; raises `StoreError` and `Unavailable`.

    A look of an earlier version has no stored decision, which is then computed from its sums. Units are named, and
    accepted ones applied, by what the store has now.
    """
    memory, sums, number = _one_look(database, stored)
    plan = stored.plan.in_week(sums.at_us)
    made = looks.count(database, stored.number, until_us=memory.looked_us)
    rows = database.rows(NEWEST_DECIDED, (stored.number, number)) if number else ()
    known = {str(variant): msgspec.json.decode(text, type=Decision) for variant, text in rows}
    if known.keys() != set(plan.treatments) or any(_is_older(plan, decision) for decision in known.values()):
        planned, findings = _planned(database, stored), look(plan, memory, sums) if plan.is_computed else ()
        looked = Looked(plan=plan, memory=memory, findings=findings, sums=sums, planned=planned)
        known = decide(looked, forecasts=plan.is_computed)
    known = {variant: with_units(database, plan, decision, sums.at_us) for variant, decision in known.items()}
    late_us = named_values.late_us(database, plan.from_us)
    known = {variant: decision.later(late_us) for variant, decision in known.items()} if late_us else known
    return DecidedLook(plan=plan, sums=sums, memory=memory, decisions=known, looks=made, late_us=late_us)


def _is_older(plan: AnalysisPlan, decision: Decision) -> bool:
    """Whether the plan was amended without new units, or an earlier version called safe what was rolled back."""
    declined = plan.rolls_back_declines and any(guardrail.answer != "harmed" for guardrail in decision.pausing)
    return declined or (decision.revision, decision.attempt, decision.rules) != (
        plan.revision,
        plan.attempt,
        plan.rules,
    )


def _one_look(database: Database, stored: StoredPlan) -> tuple[Memory, Sums, int]:
    """The memory, the sums and the number of the same last look; another look makes all be read again."""
    for _ in range(READS):
        with database.read_transaction() as cursor:
            memory = looks.memory(cursor, stored.number, stored.plan)
            number = looks.newest(cursor, stored.number)
        sums = newest_sums(database, stored)
        if not memory.looked_us or sums.at_us == memory.looked_us:
            return memory, sums, number
    raise Unavailable(f"experiments.{stored.plan.experiment}: looks come faster than they can be read; try again")


def _planned(database: Database, stored: StoredPlan) -> dict[str, Estimate]:
    """The interval of the last planned look by treatment, from the looks of an earlier version."""
    primary = stored.plan.primary
    if primary is None or stored.plan.planned_units is None:
        return {}
    series = metric_series(database, stored, primary.metric, most=MOST_PLANNED)
    return {shown.variant: shown.finding.estimate for shown in series if isinstance(shown.finding.estimate, Estimate)}
