"""Names the units behind a difference by request that is beyond its margin, and reads those that were accepted."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from fairtrial.domain.decision.by_request import AcceptedUnit, ByRequest, UnitBehind
from fairtrial.domain.decision.values import Decision, GuardrailDecision
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.promises import CARRIED, MOST_ACCEPTED
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.lifecycle import ACCEPTED_UNITS
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import DAY, MINUTE, timestamp
from fairtrial.store.experiments import analysis_plans, transitions
from fairtrial.store.experiments.sums import share_sums, unit_groups

ACCEPTANCES = """
SELECT at_time, actor, why, evidence
FROM transitions
WHERE experiment = $1 AND segment = $2 AND action = 'approve' AND evidence IS NOT NULL AND at_time >= $3
ORDER BY number
"""
BEHIND = f"""
WITH by_unit AS (
    SELECT any_value(unit) AS unit, sum(bad) AS bad, sum(requests) AS requests,
        sum(bad - $rate * requests) AS excess
    FROM (
        SELECT hash(unit) AS key, unit, {MINUTE.format(first_at="first_at")} AS minute,
            CASE WHEN kept_away THEN {{away}} ELSE {{over}} END AS bad,
            CASE WHEN kept_away THEN {{away}} ELSE {{per}} END AS requests
        FROM unit_sums
        WHERE experiment = $experiment AND list_contains($hashes::VARCHAR[], analysis_hash) AND NOT early
            AND first_at >= $week
    ) JOIN ({{units}}) USING (key)
    WHERE arm = $arm AND {{complete}} AND {{counts}} AND minute < since + {DAY}
    GROUP BY key
), ordered AS (
    SELECT *, sum(excess) OVER (ORDER BY excess DESC, unit ROWS UNBOUNDED PRECEDING) AS carried
    FROM by_unit
    WHERE excess > 0 AND NOT list_contains($accepted::VARCHAR[], unit)
)
SELECT unit, bad, requests, count(*) OVER ()
FROM ordered
WHERE carried - excess < $part
ORDER BY carried
LIMIT {MOST_ACCEPTED}
"""  # noqa: S608 - ours
"""Reads only units with a bad request; the others have no excess."""


def with_units(database: Database, plan: AnalysisPlan, decision: Decision, at_us: int) -> Decision:
    """The decision with the units that are behind a difference by request at a look, and with accepted ones.

    Raises `StoreError`.
    """
    if not any(guardrail.by_request for guardrail in decision.guardrails):
        return decision
    rows = database.rows(ACCEPTANCES, (plan.experiment, plan.segment, timestamp(plan.from_us)))
    accepted = [unit for at, actor, why, text in rows for unit in _accepted(microseconds(at), actor, why, text)]
    read = _Units(database, plan, decision.variant, at_us)
    guardrails = tuple(read.of(guardrail, accepted) for guardrail in decision.guardrails)
    return msgspec.structs.replace(decision, guardrails=guardrails)


def _accepted(at_us: int, actor: str, why: str, evidence: str) -> list[AcceptedUnit]:
    units = msgspec.convert(json.loads(evidence).get(ACCEPTED_UNITS, []), list[AcceptedUnit])
    return [msgspec.structs.replace(unit, at_us=at_us, actor=actor, why=why) for unit in units]


@dataclass(frozen=True, slots=True)
class _Units:
    database: Database
    plan: AnalysisPlan
    variant: str
    at_us: int

    def of(self, guardrail: GuardrailDecision, accepted: Sequence[AcceptedUnit]) -> GuardrailDecision:
        """The guardrail with its units; it is safe if only accepted ones kept it from being so."""
        by_request, metric = guardrail.by_request, self.plan.metric(guardrail.metric)
        if by_request is None:
            return guardrail
        mine: dict[str, AcceptedUnit] = {}
        for unit in accepted:
            if (unit.metric, unit.variant) == (guardrail.metric, self.variant):
                mine.setdefault(unit.unit, unit)  # two people may have accepted a unit at once
        by_request = msgspec.structs.replace(by_request, accepted=tuple(mine.values()))
        if by_request.is_beyond(metric.margin, relative=metric.relative):
            by_request = self._behind(metric.metric, by_request)
        elif by_request.holds:
            guardrail = msgspec.structs.replace(guardrail, answer="safe")
            by_request = msgspec.structs.replace(by_request, holds=False)
        return msgspec.structs.replace(guardrail, by_request=by_request)

    def _behind(self, name: str, by_request: ByRequest) -> ByRequest:
        plan, known = self.plan, CATALOGUE[name]
        stops = unit_groups.cutting(plan, transitions.interruptions(self.database, plan.experiment, plan.segment))
        until_us = self.at_us - share_sums.LATE_US
        complete = "true" if plan.unit == "request" else unit_groups.complete(share_sums.DAY_US, until_us, stops)
        hit = f"{known.over} > 0" + (" OR kept_away" if known.needs_answer else "")
        sql = BEHIND.format(
            away="sent" if known.needs_answer else "0",
            over=known.over,
            per=known.per,
            units=unit_groups.counted(hit=hit),
            complete=complete,
            counts=unit_groups.counts(plan, plan.metric(name)),
        )
        bound = unit_groups.bound(plan, analysis_plans.hashes(self.database, plan)) | {
            "arm": list(plan.shares).index(self.variant),
            "rate": by_request.rates[0],
            "part": CARRIED * by_request.excess,
            "accepted": [unit.unit for unit in by_request.accepted],
        }
        with self.database.read_transaction() as cursor:
            rows = cursor.execute(sql, bound).fetchall()
        units = tuple(
            UnitBehind(name, self.variant, unit, float(bad), float(requests)) for unit, bad, requests, _ in rows
        )
        behind = int(rows[0][-1]) if rows else 0
        named = units if behind <= MOST_ACCEPTED else ()
        return msgspec.structs.replace(by_request, behind=behind, named=named)
