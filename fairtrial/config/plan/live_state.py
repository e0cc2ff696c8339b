"""Lays the live state of experiments, which the store keeps as rows, over a compiled plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from fairtrial.config.plan.hashes import digest, plan_hash
from fairtrial.domain.names.keyed_hash import keyed_hash
from fairtrial.domain.plan import Experiment, ExperimentState, Plan
from fairtrial.domain.settings import EVERY_UNIT, KeptControl

CAN_BE_KILLED: tuple[ExperimentState, ...] = ("running", "paused")


@dataclass(frozen=True, slots=True)
class Live:
    """The state of an experiment in the store; ``stage`` is ``None`` until one was set.

    ``segment``: 1 at first; every re-arm starts the next one, with new units. ``serves``: the promoted variant, which
    serves everyone. ``kept_control``: what stays of the control in this segment, which a promotion began.

    `Experiment` has the same fields, because the published plan shows the state to workers.
    """

    stage: float | None = None
    state: ExperimentState = "running"
    segment: int = 1
    serves: str | None = None
    kept_control: KeptControl | None = None


def segment_salt(declared: str, segment: int) -> str:
    """The salt of a segment: the declared one for the first, then HMAC-SHA256(declared, "segment" NUL number) in hex.

    ``docs/reference/assignment.md`` describes it.
    """
    if segment == 1:
        return declared
    return keyed_hash(declared).digest(f"segment\0{segment}".encode()).hex()


def lay_over(plan: Plan, live: Mapping[str, Live]) -> Plan:
    """The plan with the live state of its experiments. Other experiments in ``live`` are ignored.

    The plan can be a declared one, or a published one whose experiments have a state already. A published one does not
    contain the declared salt. If such an experiment is in another segment than ``live`` says, it is served as killed.
    """
    experiments = {
        name: _laid(experiment, live[name]) if name in live else experiment
        for name, experiment in plan.experiments.items()
    }
    laid = replace(plan, experiments=experiments)
    return replace(laid, plan_hash=plan_hash(laid))


def keep_stopped(before: Plan, plan: Plan) -> Plan:
    """The plan, in which experiments that ``before`` has stopped stay stopped unless a later segment began.

    No transition leads back from killed or ended within a segment. So the rows were lost, as by restoring a backup, and
    the control, or the promoted variant, must go on serving.
    """
    experiments = {
        name: _kept(before.experiments.get(name), experiment) for name, experiment in plan.experiments.items()
    }
    kept = replace(plan, experiments=experiments)
    return replace(kept, plan_hash=plan_hash(kept))


def _kept(before: Experiment | None, new: Experiment) -> Experiment:
    if before is not None and before.serves is not None:
        return replace(new, state="ended", serves=before.serves) if _keeps_serving(before, new) else new
    if before is not None and before.kept_control is not None and before.state in CAN_BE_KILLED:
        serves = before.kept_control.variant if before.state == "running" else None
        return replace(new, state="ended", serves=serves) if new.segment < before.segment else new
    if before is None or before.state not in ("killed", "ended") or new.state not in ("running", "paused"):
        return new
    return new if new.segment > before.segment else replace(new, state=before.state)


def _keeps_serving(before: Experiment, new: Experiment) -> bool:
    """Whether the published promotion is in no row. Only a roll-back, a kill or a later segment ends a promotion."""
    killed = new.state == "killed" and new.segment == before.segment
    return not (new.state == "ended" or killed or new.segment > before.segment)


def _in_another_segment(experiment: Experiment, live: Live) -> Experiment:
    """A published experiment whose salt is not that of the live segment. An ended one needs none."""
    if live.state == "ended":
        return replace(experiment, state="ended", serves=live.serves)
    lost = experiment.serves is not None and live.segment < experiment.segment
    return experiment if lost else replace(experiment, state="killed", serves=None)


def _laid(experiment: Experiment, live: Live) -> Experiment:
    stage, kept = experiment.stage if live.stage is None else live.stage, live.kept_control
    if experiment.segment == live.segment:
        laid = replace(experiment, state=live.state, stage=stage, serves=live.serves)
        return laid if kept is None else with_kept_control(laid, kept)
    if experiment.segment != 1:
        return _in_another_segment(experiment, live)
    laid = replace(
        experiment,
        state=live.state,
        stage=stage,
        segment=live.segment,
        serves=live.serves,
        salt=segment_salt(experiment.salt, live.segment if kept is None else kept.after),
        analysis_hash=digest({"analysis": experiment.analysis_hash, "segment": live.segment}),
    )
    return laid if kept is None else with_kept_control(laid, kept)


def with_kept_control(experiment: Experiment, kept: KeptControl) -> Experiment:
    """The experiment in the segment that a promotion began: two arms, all units, and no primary metric.

    A worker that does not know ``kept_control`` splits by the weights, which is the same if the control is the first
    of two variants.
    """
    rest = float(100 - Decimal(repr(kept.share)))
    weights = {experiment.control: kept.share, kept.variant: rest}
    variants = tuple(
        replace(variant, weight=weights[variant.name]) for variant in experiment.variants if variant.name in weights
    )
    return replace(experiment, variants=variants, stage=100.0, primary=None, enrolment=EVERY_UNIT, kept_control=kept)
