"""Reads what the last look at an experiment decided, which is what every surface prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from fairtrial.domain.errors import Unavailable
from fairtrial.domain.estimates import Estimate
from fairtrial.experiments.analysis.memory import Looked, Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.decide import decide
from fairtrial.experiments.decision.values import Decision
from fairtrial.experiments.monitor import look
from fairtrial.experiments.sums import Sums
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import clock_anchors, look_series, looks
from fairtrial.store.experiments.analysis_plans import StoredPlan

READS = 5
"""How often the last look is read again if another one is stored meanwhile."""
MOST_PLANNED = 1000
NEWEST = f"""
SELECT variant, decision
FROM looks
WHERE plan_number IN ({looks.SAME_UNITS}) AND number = $2 AND decision IS NOT NULL
"""  # noqa: S608 - ours


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedLook:
    """The last look: the plan, its sums, the memory after it, and the decision about each treatment.

    ``looks``: how many there were. Before the first look the sums are empty and nothing is decided. ``late_us``: the
    time since the start that only a correction of the wall clock made, by which the primary metric counts later. A
    `LiveExperiment` is about one treatment and also exists before the start.
    """

    plan: AnalysisPlan
    sums: Sums
    memory: Memory
    decisions: Mapping[str, Decision]
    looks: int
    late_us: int = 0


def read(database: Database, stored: StoredPlan) -> DecidedLook:
    """What was decided at the last look at the units of this plan; raises `StoreError` and `Unavailable`.

    A look of an earlier version has no stored decision, which is then computed from its sums.
    """
    plan, (memory, sums, number) = stored.plan, _one_look(database, stored)
    made = looks.count(database, stored.number, until_us=memory.looked_us)
    rows = database.rows(NEWEST, (stored.number, number)) if number else ()
    known = {str(variant): msgspec.json.decode(text, type=Decision) for variant, text in rows}
    if known.keys() != set(plan.treatments) or any(_is_older(plan, one) for one in known.values()):
        planned = _planned(database, stored)
        findings = look(plan, memory, sums)
        known = decide(Looked(plan=plan, memory=memory, findings=findings, sums=sums, planned=planned), forecasts=True)
    late_us = clock_anchors.late_us(database, plan.from_us)
    known = {variant: one.later(late_us) for variant, one in known.items()} if late_us else known
    return DecidedLook(plan=plan, sums=sums, memory=memory, decisions=known, looks=made, late_us=late_us)


def _is_older(plan: AnalysisPlan, decision: Decision) -> bool:
    """Whether the plan was amended after the look without new units, as for its stages."""
    return (decision.revision, decision.attempt, decision.rules) != (plan.revision, plan.attempt, plan.rules)


def _one_look(database: Database, stored: StoredPlan) -> tuple[Memory, Sums, int]:
    """The memory, the sums and the number of the same last look; another look makes all be read again."""
    for _ in range(READS):
        with database.read_transaction() as cursor:
            memory = looks.memory(cursor, stored.number, stored.plan)
            number = looks.newest(cursor, stored.number)
        sums = look_series.newest_sums(database, stored)
        if not memory.looked_us or sums.at_us == memory.looked_us:
            return memory, sums, number
    raise Unavailable(f"experiments.{stored.plan.experiment}: looks come faster than they can be read; try again")


def _planned(database: Database, stored: StoredPlan) -> dict[str, Estimate]:
    """The interval of the last planned look by treatment, from the looks of an earlier version."""
    primary = stored.plan.primary
    if primary is None or stored.plan.planned_units is None:
        return {}
    series = look_series.series(database, stored, primary.metric, most=MOST_PLANNED)
    return {one.variant: one.finding.estimate for one in series if isinstance(one.finding.estimate, Estimate)}
