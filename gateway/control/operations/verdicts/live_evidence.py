"""Reads what the experiments that compare two targets have shown and decided, from their frozen plans and looks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from evaluators.engine.target import resolve
from evaluators.gate.live.experiment import LiveEvidence, LiveExperiment
from fairtrial.config.plan.definitions import definition_of
from fairtrial.domain.plan import Experiment, Plan, Variant
from fairtrial.domain.verdicts.provenance import Amendment, JudgedExperiment
from fairtrial.experiments.analysis.freeze import changed_models
from fairtrial.experiments.decision.effects import Effect
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import analysis_plans, decisions, segment_traffic
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.attempts import Definition, earlier_proofs
from gateway.control.operations.live_rates import live_rates
from gateway.control.operations.live_state import read_tried, situation, stored_plan
from gateway.control.operations.verdicts.present import Present
from gateway.control.operations.verdicts.served_weights import deployment_of

MOST_PLANS = 1000


@dataclass(frozen=True, slots=True)
class ReadExperiments:
    """The live evidence, and what a verdict keeps about each experiment behind it."""

    evidence: LiveEvidence
    judged: tuple[JudgedExperiment, ...]


def read_experiments(
    database: Database,
    plan: Plan,
    candidate: str,
    baseline: str,
    *,
    now_us: int,
    covered: Collection[str] | None = None,
    held: str = "",
) -> ReadExperiments:
    """The experiments of which the two targets are treatment and control; raises `StoreError`.

    ``covered``: the experiments that the release covers; ``None`` means all. ``held``: as in `StepTime`.
    """
    found = list(_experiments(database, plan, (candidate, baseline), now_us=now_us))
    experiments = tuple(
        replace(live, held=held, exact=live.exact and (covered is None or live.name in covered)) for live, _ in found
    )
    judged = tuple(dict.fromkeys(one for _, one in found if one is not None))
    rates = live_rates(segment_traffic.by_variant(database, Page()), plan, candidate, baseline)
    definition = Definition(_definition(plan, candidate), plan.deployments[deployment_of(plan, candidate)].digest)
    earlier = earlier_proofs(database, definition, current={one.plan_number for one in judged})
    return ReadExperiments(LiveEvidence(rates, experiments, earlier), judged)


def experiment_effects(
    database: Database, experiment: Experiment, variant: str, present: Present
) -> tuple[Effect, ...]:
    """What one experiment says about one of its variants now; raises `StoreError`."""
    plan, now_us = present.plan, present.now_us
    live, judged = _read(database, plan, experiment, variant, now_us=now_us)
    arm = experiment.variant(variant)
    definition = Definition(definition_of(plan, arm), plan.deployments[arm.deployment].digest)
    current = () if judged is None else (judged.plan_number,)
    earlier = earlier_proofs(database, definition, current=current)
    return replace(live, held=present.held).effects(earlier, now_us)


def _definition(plan: Plan, target: str) -> str:
    """The digest of what a target serves: that of the deployment, with the prompt and parameters of a variant."""
    return resolve(target, plan, base_url="").deployment_digest


def _experiments(
    database: Database, plan: Plan, targets: tuple[str, str], *, now_us: int
) -> Iterator[tuple[LiveExperiment, JudgedExperiment | None]]:
    candidate, baseline = (_definition(plan, target) for target in targets)
    for experiment in plan.experiments.values():
        control = experiment.variant(experiment.control)
        for variant in experiment.variants:
            if variant.name == experiment.control or not _is_named(plan, experiment, variant, control, targets):
                continue
            exact = definition_of(plan, variant) == candidate and definition_of(plan, control) == baseline
            live, judged = _read(database, plan, experiment, variant.name, now_us=now_us)
            yield replace(live, exact=exact), judged if exact else None


def _is_named(plan: Plan, experiment: Experiment, variant: Variant, control: Variant, targets: tuple[str, str]) -> bool:
    """Whether the two targets name the two arms, or serve the same deployments."""
    return all(
        target == f"{experiment.name}/{arm.name}" or deployment_of(plan, target) == arm.deployment
        for target, arm in zip(targets, (variant, control), strict=True)
    )


def _read(
    database: Database, plan: Plan, experiment: Experiment, variant: str, *, now_us: int
) -> tuple[LiveExperiment, JudgedExperiment | None]:
    now = situation(database, experiment, now_us=now_us)
    bare = LiveExperiment(
        name=experiment.name,
        variant=variant,
        state=experiment.state,
        segment=experiment.segment,
        entered=now.entered,
        error=now.error,
    )
    stored = stored_plan(database, experiment)
    if stored is None:
        return bare, None
    found = decisions.read(database, stored)
    live = replace(
        bare,
        plan=stored.plan,
        sums=found.sums if found.looks else None,
        memory=replace(found.memory, sizes={}),
        decision=found.decisions[variant] if found.looks else None,
        changed=changed_models(stored.plan, plan, experiment),
        looks=found.looks,
        late_us=found.late_us,
        tried=read_tried(database, stored.plan, found.sums, variant, now_us=now_us),
    )
    return live, _judged(database, stored, live)


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
