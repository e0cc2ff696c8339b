"""Reads what the experiments that compare two targets have shown and decided, from their frozen plans and looks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from evaluators.gate.live.experiment import EarlierHarm, LiveEvidence, LiveExperiment
from fairtrial.domain.errors import Unavailable
from fairtrial.domain.estimates import Estimate
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.verdicts.provenance import Amendment, JudgedExperiment
from fairtrial.experiments.analysis.freeze import declared_fields, with_later_end
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis.sums import Sums
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import analysis_plans, looks, segment_traffic
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.charts import shown_looks
from gateway.control.operations.live_rates import live_rates
from gateway.control.operations.verdicts.served_weights import deployment_of

MOST_PLANS = 1000
READS = 5
"""How often the last look is read again if another one is stored meanwhile."""


@dataclass(frozen=True, slots=True)
class ReadExperiments:
    """The live evidence, and what a verdict keeps about each experiment behind it."""

    evidence: LiveEvidence
    judged: tuple[JudgedExperiment, ...]


def read_experiments(database: Database, plan: Plan, candidate: str, baseline: str) -> ReadExperiments:
    """The experiments of which the two targets are treatment and control; raises `StoreError`."""
    rates = live_rates(segment_traffic.by_variant(database, Page()), plan, candidate, baseline)
    found = list(_experiments(database, plan, candidate, baseline))
    experiments = tuple(live for live, _ in found)
    judged = tuple(dict.fromkeys(one for _, one in found if one is not None))
    model = plan.deployments[deployment_of(plan, candidate)].digest
    earlier = earlier_harm(database, model, {one.plan_number for one in judged})
    return ReadExperiments(LiveEvidence(rates, experiments, tuple(earlier)), judged)


def earlier_harm(database: Database, model: str, read: Collection[int]) -> Iterator[EarlierHarm]:
    """Harm that analyses have proven of a model, by its digest, under any name, segment or salt; raises `StoreError`.

    ``read``: the numbers of plans that are evidence already. A later analysis that proves the metric safe clears it.
    """
    harmed: list[EarlierHarm] = []
    for stored in analysis_plans.newest_of_starts(database):
        variants = [name for name in stored.plan.treatments if stored.plan.models.get(name) == model]
        if not variants:
            continue
        with database.read_transaction() as cursor:
            memory = looks.memory(cursor, stored.number, stored.plan)
        kills = {one.metric for one in stored.plan.guardrails if one.signal == "kill"}
        for (metric, variant), latched in memory.latched.items():
            if variant not in variants or metric not in kills:
                continue
            if latched.answer == "safe":
                harmed = [replace(one, cleared=one.cleared or one.metric == metric) for one in harmed]
            elif latched.answer == "harm" and stored.number not in read:
                plan, at_us = stored.plan, latched.answered_us or stored.at_us
                harmed.append(EarlierHarm(plan.experiment, plan.segment, variant, metric, at_us))
    return iter(harmed)


def arms(experiment: Experiment, target: str) -> dict[str, bool]:
    """The variants that a target names, ``EXPERIMENT/VARIANT`` or those of a deployment.

    The value is whether the target is the variant: a prompt or parameters make it another one than its deployment.
    """
    found = {}
    for variant in experiment.variants:
        if target == f"{experiment.name}/{variant.name}":
            found[variant.name] = True
        elif target == variant.deployment:
            found[variant.name] = variant.system_prompt is None and not variant.params
    return found


def _experiments(
    database: Database, plan: Plan, candidate: str, baseline: str
) -> Iterator[tuple[LiveExperiment, JudgedExperiment | None]]:
    digests = {name: deployment.digest for name, deployment in plan.deployments.items()}
    for experiment in plan.experiments.values():
        treatments, controls = arms(experiment, candidate), arms(experiment, baseline)
        if experiment.control not in controls:
            continue
        for variant in sorted(treatments.keys() - {experiment.control}):
            exact = treatments[variant] and controls[experiment.control]
            live, judged = _read(database, experiment, variant, digests)
            yield replace(live, exact=exact), judged


def _read(
    database: Database, experiment: Experiment, variant: str, digests: Mapping[str, str]
) -> tuple[LiveExperiment, JudgedExperiment | None]:
    bare = LiveExperiment(name=experiment.name, variant=variant, state=experiment.state, segment=experiment.segment)
    stored = analysis_plans.newest(database, experiment.name)
    if stored is None or not _is_of(stored, experiment):
        return bare, None
    stored = replace(stored, plan=with_later_end(stored.plan, experiment))
    memory, sums = _one_look(database, stored)
    made = looks.count(database, stored.number, until_us=memory.looked_us)
    live = replace(
        bare,
        plan=stored.plan,
        sums=sums if made else None,
        memory=replace(memory, sizes={}),
        planned=_planned(database, stored),
        changed=_changed(stored, experiment, digests),
        looks=made,
    )
    return live, _judged(database, stored, live)


def _one_look(database: Database, stored: StoredPlan) -> tuple[Memory, Sums]:
    """The decisions and the sums of the same last look; a look that is stored meanwhile makes both be read again."""
    for _ in range(READS):
        with database.read_transaction() as cursor:
            memory = looks.memory(cursor, stored.number, stored.plan)
        sums = shown_looks.newest_sums(database, stored)
        if not memory.looked_us or sums.at_us == memory.looked_us:
            return memory, sums
    raise Unavailable(f"experiments.{stored.plan.experiment}: looks come faster than they can be read; try again")


def _is_of(stored: StoredPlan, experiment: Experiment) -> bool:
    """Whether the plan is that of the present segment and salt."""
    plan = stored.plan
    return plan.segment == experiment.segment and plan.declared.get("salt") == declared_fields(experiment)["salt"]


def _changed(stored: StoredPlan, experiment: Experiment, digests: Mapping[str, str]) -> tuple[str, ...]:
    """The variants whose present definition differs from the one that was frozen."""
    return tuple(
        variant.name
        for variant in experiment.variants
        if stored.plan.models.get(variant.name) != digests.get(variant.deployment)
    )


def _planned(database: Database, stored: StoredPlan) -> dict[str, Estimate]:
    primary = stored.plan.primary
    if primary is None or stored.plan.planned_units is None:
        return {}
    series = shown_looks.series(database, stored, primary.metric, most=MOST_PLANS)
    return {one.variant: one.finding.estimate for one in series if isinstance(one.finding.estimate, Estimate)}


def _judged(database: Database, stored: StoredPlan, live: LiveExperiment) -> JudgedExperiment:
    plan = stored.plan
    rows = database.dicts(analysis_plans.listing(Page(limit=MOST_PLANS), plan.experiment))
    amendments = tuple(
        Amendment(analysis_plans.at_us_of(row), row["actor"], row["why"], row["analysis_hash"])
        for row in reversed(rows)
        if row["kind"] == "amend" and row["segment"] == plan.segment
    )
    return JudgedExperiment(
        experiment=live.name,
        variant=live.variant,
        state=live.state,
        plan_number=stored.number,
        analysis_hash=plan.analysis_hash,
        segment=plan.segment,
        attempt=plan.attempt,
        started_us=plan.started_us,
        looks=live.looks,
        looked_us=live.memory.looked_us,
        amendments=amendments,
    )
