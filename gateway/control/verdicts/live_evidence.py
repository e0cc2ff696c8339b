"""Reads the state of experiments, and what those that compare two targets have shown and decided."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from evaluators.engine.target import resolve
from evaluators.gate.live_evidence import LiveEvidence, LiveExperiment, Rate, Rates
from fairtrial.config.plan.hashes import definition_of
from fairtrial.domain.decision.slices import SliceFinding
from fairtrial.domain.decision.values import Tried
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.metrics import KEPT_AWAY_RATE
from fairtrial.domain.plan import Experiment, Plan, Variant
from fairtrial.domain.store_reports import Traffic, VariantTraffic
from fairtrial.domain.verdicts.verdict import Amendment, JudgedExperiment
from fairtrial.experiments.analysis.freeze import changed_models, declared_fields, with_later_end
from fairtrial.experiments.analysis.slices import find_worse
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.decide import luck_of
from fairtrial.experiments.decision.effects import Effect
from fairtrial.experiments.decision.situation import Situation
from fairtrial.experiments.decision.waits import Wait
from fairtrial.experiments.sums import Sums
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import alarms, analysis_plans, stored_looks, transitions
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.attempts import Definition, count_attempts, count_tried, earlier_proofs
from fairtrial.store.experiments.sums.slice_sums import find_slices
from fairtrial.store.traffic.traffic import by_variant_in_segments
from gateway.control.present import Present, deployment_of
from gateway.control.sources import with_sources

MOST_PLANS = 1000


def stored_plan(database: Database, experiment: Experiment) -> StoredPlan | None:
    """The analysis plan of the present segment and salt, in whatever state the experiment is; raises `StoreError`."""
    stored = analysis_plans.newest(database, experiment.name)
    if stored is None or stored.plan.segment != experiment.segment:
        return None
    if experiment.salt and stored.plan.declared.get("salt") != declared_fields(experiment)["salt"]:
        return None
    return replace(stored, plan=with_later_end(stored.plan, experiment))


def read_tried(database: Database, plan: AnalysisPlan, sums: Sums, variant: str, *, now_us: int) -> Tried:
    """How many definitions the plan's routes have tried, and the luck of the best of so many; raises `StoreError`."""
    definitions = count_tried(database, plan, now_us=now_us)
    return Tried(definitions, luck_of(plan, sums, variant, definitions))


def situation(
    database: Database, experiment: Experiment, waits: tuple[Wait, ...] | None = None, *, now_us: int
) -> Situation:
    """The live state of the experiment; raises `StoreError`."""
    stored = analysis_plans.newest(database, experiment.name)
    began_us = 0 if stored is None else stored.plan.started_us
    history = transitions.stage_history(database, experiment.name, experiment.segment, started_us=began_us)
    since_us = max(history.since_us or 0, began_us)
    return Situation(
        now_us=now_us,
        state=experiment.state,
        last=transitions.last(database).get(experiment.name),
        entered=transitions.all_entered(database).get(experiment.name),
        stage=experiment.stage,
        stage_since_us=since_us + named_values.late_us(database, since_us),
        late_us=named_values.late_us(database, began_us),
        waits=waits,
        approved=history.approved,
        serves=experiment.serves,
        kept=experiment.kept_control if experiment.state == "running" else None,
        error=alarms.text_of(database, alarms.FAILED_LOOK, experiment.name) if experiment.state == "running" else "",
    )


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

    ``covered``: the experiments that the official gate covers; ``None`` means all, for other gates. ``held``: as in
    `StepTime`.
    """
    evidence = list(_experiments(database, plan, (candidate, baseline), now_us=now_us))
    experiments = tuple(
        replace(live, held=held, exact=live.exact and (covered is None or live.name in covered)) for live, _ in evidence
    )
    judged = tuple(dict.fromkeys(experiment for _, experiment in evidence if experiment is not None))
    rates = live_rates(by_variant_in_segments(database, Page()), plan, candidate, baseline)
    definition, control = (
        Definition(_definition(plan, target), plan.deployments[deployment_of(plan, target)].digest)
        for target in (candidate, baseline)
    )
    attempts = count_attempts(database, control, [definition])
    earlier = earlier_proofs(database, definition, current={experiment.plan_number for experiment in judged})
    return ReadExperiments(
        LiveEvidence(rates, experiments, earlier, official=covered is not None, attempts=attempts), judged
    )


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
    look = stored_looks.read(database, stored)
    decisions = with_sources(database, plan, stored.plan, look.decisions, now_us=now_us, late_us=look.late_us)
    live = replace(
        bare,
        plan=stored.plan,
        sums=look.sums if look.looks else None,
        memory=replace(look.memory, sizes={}),
        decision=decisions[variant] if look.looks else None,
        changed=changed_models(stored.plan, plan, experiment),
        looks=look.looks,
        late_us=look.late_us,
        tried=read_tried(database, stored.plan, look.sums, variant, now_us=now_us),
        worse_in=_worse_slices(database, stored.plan, variant, now_us) if look.looks else (),
    )
    return live, _judged(database, stored, live)


def _worse_slices(database: Database, plan: AnalysisPlan, variant: str, now_us: int) -> tuple[SliceFinding, ...]:
    findings = find_worse(plan, find_slices(database, plan, now_us=now_us))
    return tuple(each for each in findings if each.worse and each.treatment.variant == variant)


def _judged(database: Database, stored: StoredPlan, live: LiveExperiment) -> JudgedExperiment:
    plan = stored.plan
    rows = database.dicts(analysis_plans.listing(Page(limit=MOST_PLANS), plan.experiment))
    amendments = tuple(
        Amendment(microseconds(row["at_time"]), row["actor"], row["why"], row["analysis_hash"])
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


def live_rates(traffic: Sequence[Traffic], plan: Plan, candidate: str, baseline: str) -> Rates:
    """Plain rates of the first experiment that serves both targets; empty if there is none.

    A target is ``EXPERIMENT/VARIANT``, or a deployment, which stands for the variant that serves it.
    """
    for measured in traffic:
        arms = {variant.variant: variant for variant in measured.variants}
        experiment = plan.experiments.get(measured.experiment)
        new, old = (arms.get(_variant_of(experiment, name)) for name in (candidate, baseline))
        if new is not None and old is not None:
            return _rates(new, old)
    return {}


def _variant_of(experiment: Experiment | None, target: str) -> str:
    """The variant of the experiment that the target names; empty if it names none."""
    variants = experiment.variants if experiment else ()
    names = {f"{experiment.name}/{variant.name}": variant.name for variant in variants if experiment}
    names |= {variant.deployment: variant.name for variant in variants}
    return names.get(target, "")


def _rates(new: VariantTraffic, old: VariantTraffic) -> Rates:
    rates = {
        "requests.error_rate": (_of_received(new, new.errors), _of_received(old, old.errors)),
        "requests.user_error_rate": (_share(new, new.user_errors), _share(old, old.user_errors)),
        "requests.rejected_rate": (_of_received(new, new.rejected), _of_received(old, old.rejected)),
    }
    if new.kept_away or old.kept_away:
        rates[KEPT_AWAY_RATE] = (_share(new, new.kept_away), _share(old, old.kept_away))
    for key in sorted(set(new.feedback) | set(old.feedback)):
        rates[f"feedback.{key}"] = (_feedback(new, key), _feedback(old, key))
    return rates


def _share(arm: VariantTraffic, part: int) -> Rate:
    return Rate(part / arm.requests if arm.requests else None, arm.requests)


def _of_received(arm: VariantTraffic, part: int) -> Rate:
    """The share of the requests that no breaker kept from the arm."""
    return Rate(part / arm.received if arm.received else None, arm.received)


def _feedback(arm: VariantTraffic, key: str) -> Rate:
    counts = arm.feedback.get(key)
    if counts is None or counts.rate is None:
        return Rate(None, 0, f"answers to {key}")
    return Rate(counts.rate, counts.rated, "ratings", share=0 <= counts.rate <= 1)
