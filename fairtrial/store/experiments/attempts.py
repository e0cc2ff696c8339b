"""Reads what earlier attempts of a definition have proven, and counts attempts and definitions tried on a route."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.decision.values import EarlierProof
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.promises import ATTEMPT_AGE_US
from fairtrial.experiments.analysis.latched import Latched
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.ending import undoing_of, undone_variants
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import analysis_plans, looks
from fairtrial.store.experiments.analysis_plans import StoredPlan

UNDONE = """
SELECT at_time, experiment, action, from_state, to_state, segment, actor, why, evidence AS evidence_json, plan_hash,
    stage
FROM transitions
WHERE action IN ('kill', 'rollback')
ORDER BY number
"""
WITHDRAWALS = "SELECT experiment, at_time, actor, why FROM transitions WHERE action = 'withdraw' ORDER BY number"


@dataclass(frozen=True, slots=True)
class Definition:
    """What one variant serves: its digest, and that of its deployment alone.

    A definition is a deployment with its prompt and parameters. Plans of rules 1 know only the deployment, so that such
    a plan counts for every definition of it.
    """

    definition: str
    model: str

    def is_in(self, plan: AnalysisPlan, variant: str) -> bool:
        """Whether the plan's variant serves this definition."""
        if plan.definitions:
            return plan.definitions.get(variant) == self.definition
        return plan.models.get(variant) == self.model


def count_attempts(database: Database, control: Definition, candidates: Iterable[Definition]) -> int:
    """How many attempts have compared one of these candidates with this control, under any experiment's name.

    An amendment after which all units still count is no attempt, nor is a control that is kept after a promotion. Of
    several candidates, the one with the most attempts counts. Raises `StoreError`.
    """
    starts = [
        stored_plan.plan
        for stored_plan in analysis_plans.newest_of_starts(database)
        if stored_plan.plan.kept_control is None
    ]
    plans = [analysis_plan for analysis_plan in starts if control.is_in(analysis_plan, analysis_plan.control)]
    return max(
        (
            sum(any(candidate.is_in(plan, name) for name in plan.treatments) for plan in plans)
            for candidate in candidates
        ),
        default=0,
    )


def count_tried(database: Database, plan: AnalysisPlan, *, now_us: int) -> int:
    """How many definitions the plan's routes have compared with its control in 90 days; raises `StoreError`."""
    control = Definition(plan.definitions.get(plan.control, ""), plan.models[plan.control])
    definitions: set[str] = set()
    for stored in analysis_plans.newest_of_starts(database):
        tried = stored.plan
        near = tried.experiment == plan.experiment or bool(set(tried.routes) & set(plan.routes))
        if near and stored.at_us >= now_us - ATTEMPT_AGE_US and control.is_in(tried, tried.control):
            definitions |= {(tried.definitions or tried.models)[name] for name in tried.treatments}
    return len(definitions)


def earlier_proofs(database: Database, candidate: Definition, *, current: Collection[int]) -> tuple[EarlierProof, ...]:
    """What attempts have proven of a definition, and how they were undone, under any experiment's name.

    ``current``: the numbers of plans that are evidence of their own; of what they prove only what no longer stands is
    in the result. Raises `StoreError`.
    """
    starts = analysis_plans.newest_of_starts(database)
    undone = [(_undone_start(made, starts), made) for made in database.values(Transition, UNDONE)]
    proofs: list[EarlierProof] = []
    own: set[EarlierProof] = set()
    for stored in starts:
        variants = [name for name in stored.plan.treatments if candidate.is_in(stored.plan, name)]
        if not variants:
            continue
        with database.read_transaction() as cursor:
            memory = looks.memory(cursor, stored.number, stored.plan)
        proven = list(_proofs(stored, memory.latched, variants))
        own |= set(proven) if stored.number in current else set()
        proofs = [_cleared(proof, stored, memory, variants) for proof in proofs] + proven
        for number, made in undone:
            proofs += _undoings(made, variants) if number == stored.number else ()
    return tuple(proof for proof in _withdrawn(proofs, database) if proof not in own)


def standing_proofs(database: Database, experiment: str) -> tuple[EarlierProof, ...]:
    """What attempts of one experiment have proven and nothing has cleared; raises `StoreError`."""
    plans = [
        stored_plan.plan
        for stored_plan in analysis_plans.newest_of_starts(database)
        if stored_plan.plan.experiment == experiment
    ]
    tested = {
        Definition(plan.definitions.get(name, ""), plan.models[name]) for plan in plans for name in plan.treatments
    }
    proofs = (proof for candidate in tested for proof in earlier_proofs(database, candidate, current=()))
    return tuple(proof for proof in proofs if proof.experiment == experiment and proof.stands)


def _proofs(
    stored: StoredPlan, latched: Mapping[tuple[str, str], Latched], variants: Collection[str]
) -> Iterator[EarlierProof]:
    plan = stored.plan  # what rolls a promotion back counts as a kill, also if it would only pause an experiment
    for metric in plan.metrics:
        for variant in variants:
            latch = latched.get((metric.metric, variant))
            if latch is None:
                continue
            worse = latch.answer == "worse" and (plan.is_computed or metric.require == "superior")
            declined_us = latch.declined_us if plan.rolls_back_declines else None
            if latch.answer == "harm" or worse or declined_us is not None:
                at_us = declined_us or latch.answered_us or stored.at_us
                yield EarlierProof(
                    plan.experiment, plan.segment, variant, metric.metric, "worse" if worse else "harmed", at_us
                )


def _undone_start(made: Transition, starts: Iterable[StoredPlan]) -> int | None:
    """The number of the plan that was in force at a roll-back or kill; ``None`` if nobody had been enrolled."""
    numbers = [
        stored.number
        for stored in starts
        if (stored.plan.experiment, stored.plan.segment) == (made.experiment, made.segment)
        and stored.plan.from_us <= made.at_us
    ]
    return numbers[-1] if numbers else None


def _undoings(made: Transition, variants: Collection[str]) -> Iterator[EarlierProof]:
    undoing, about = undoing_of(made), undone_variants(made)
    for variant in variants:
        if undoing is not None and variant in (about or variants):
            yield EarlierProof(
                made.experiment, made.segment, variant, "", undoing, made.at_us, by=made.actor, why=made.why
            )


def _proven_fit(stored: StoredPlan, memory: Memory, variants: Collection[str]) -> str:
    """What an attempt proves if it proves a variant safe by all guardrails, and better or not worse; else empty."""
    plan = stored.plan
    for variant in variants:
        primary = Latched() if plan.primary is None else memory.latched.get((plan.primary.metric, variant), Latched())
        guardrails = [memory.latched.get((metric.metric, variant), Latched()) for metric in plan.guardrails]
        safe = bool(guardrails) and all(latch.answer == "safe" and not latch.broken for latch in guardrails)
        if safe and primary.answer in ("better", "not worse") and not (primary.broken or memory.split.invalid):
            return f"safe and {primary.answer}"
    return ""


def _cleared(proof: EarlierProof, stored: StoredPlan, memory: Memory, variants: Collection[str]) -> EarlierProof:
    """The proof, cleared if this later attempt has proven the opposite."""
    latched, by = memory.latched, f"segment {stored.plan.segment} of {stored.plan.experiment} proved it"
    if proof.blocks:
        proven = _proven_fit(stored, memory, variants) if stored.plan.from_us >= proof.at_us else ""
        return msgspec.structs.replace(proof, cleared_by=f"{by} {proven}") if proven else proof
    opposite = ("safe",) if proof.proved == "harmed" else ("better", "not worse")
    for variant in variants:
        latch = latched.get((proof.metric, variant))
        if proof.stands and latch is not None and latch.answer in opposite and not latch.broken:
            return msgspec.structs.replace(proof, cleared_by=f"{by} {latch.answer}")
    return proof


def _withdrawn(proofs: Iterable[EarlierProof], database: Database) -> Iterator[EarlierProof]:
    rows = [(str(name), microseconds(at), str(actor), str(why)) for name, at, actor, why in database.rows(WITHDRAWALS)]
    for proof in proofs:
        for name, at_us, actor, why in rows:
            if proof.stands and name == proof.experiment and at_us >= proof.at_us:
                at = f"{datetime.fromtimestamp(at_us / 1e6, UTC):%d %b %Y}"
                proof = msgspec.structs.replace(proof, cleared_by=f"{actor} withdrew it on {at}: {why.rstrip('.')}")
        yield proof
