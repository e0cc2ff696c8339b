"""Changes the state of an experiment: records the transition, then publishes the plan at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from fairtrial.api.experiments import ChangeOptions
from fairtrial.config.plan.live_state import Live
from fairtrial.domain.decision.transition import Action, Transition
from fairtrial.domain.errors import BadRequest, Conflict, FairtrialError, Unavailable
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.settings import ExperimentState, KeptControl
from fairtrial.experiments.analysis.freeze import changed_models
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.lifecycle import (
    ACCEPTED,
    KEPT,
    PROMOTED,
    WORSE,
    cause_of,
    checked_reason,
    next_state,
    promoted_by,
)
from fairtrial.experiments.promotion import KeptTerms, kept_control, kept_terms, promoted_variant
from fairtrial.experiments.published_state import find_experiment, is_promoted, state_without_rows
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.experiments import analysis_plans, transitions
from fairtrial.store.experiments.analysis_plans import Kind
from fairtrial.store.experiments.attempts import standing_proofs
from fairtrial.store.traffic.traffic import arrivals
from gateway.control.experiments.frozen_plans import amended_plan, next_segment_plan
from gateway.control.experiments.kept_control import harm_is_found
from gateway.control.experiments.record_alarms import announce
from gateway.control.experiments.states import known_experiment, record_kill_files
from gateway.control.present import Publisher, published_plan

HOLD_US = 5_000_000
"""How long a kill file refuses a re-arm after it was recorded. What waited for a hung control comes at once."""


@dataclass(frozen=True, slots=True)
class Change:
    """What to do with an experiment, by whom and why.

    ``evidence``: what a rule found; ``None`` for people. ``stage``: the one that is approved or reached. ``segment``:
    the only one that a rule has looked at; ``None`` for people. The `Transition` that it causes has states and a time.
    """

    experiment: str
    action: Action
    actor: str
    why: str
    evidence: Mapping[str, Any] | None = None
    stage: float | None = None
    segment: int | None = None
    options: ChangeOptions = field(default=ChangeOptions())


EvidenceOf = Callable[[Plan, Experiment], Mapping[str, Any] | None]
"""What a promotion rests on, or what a resume accepts; raises `Conflict` with all that is missing."""


def change_state(
    database: Database,
    publisher: Publisher,
    change: Change,
    *,
    now_us: int,
    evidence_of: EvidenceOf | None = None,
) -> Transition:
    """Record a transition and publish it; returns the transition.

    ``evidence_of``: for a promotion or a resume by a person. The row decides, not the file of the plan.
    If publishing fails after the row is written, `Unavailable` says so. The loop of control then publishes again until
    it succeeds, and so does the next start. Raises `NotFound` for an unknown
    experiment, `Conflict` for a transition that its state does not allow, `BadRequest` for a missing reason.
    """
    why = checked_reason(change.why)
    _refuse_fields_of_others(change)
    _read_changed_files(publisher)
    if (stopped := _record_kill_files(database, publisher, change, now_us)) is not None:
        return stopped
    plan = published_plan(publisher)
    known = known_experiment if change.action in ("archive", "withdraw") else _published_experiment
    experiment = known(database, plan, change.experiment)
    if change.action in ("rearm", "start", "promote") and publisher.refused is not None:
        raise Conflict(
            f"experiments.{change.experiment}: can't {change.action} while the configuration is refused "
            f"(correct it first): {publisher.refused}"
        )
    if change.action == "withdraw":
        _refuse_without_proof(database, change.experiment)
    if experiment.kept_control is not None or change.action in ("promote", "rollback", "resume"):
        _refuse_impossible(database, experiment, change.action)
    if change.action == "approve" and not change.options.unit:
        change = replace(change, stage=_approved_stage(experiment, change.stage))
    if evidence_of is not None and change.action in ("promote", "resume"):
        change = replace(change, evidence=evidence_of(plan, experiment))
    if change.action == "rollback":
        change = replace(change, evidence=_rollback_evidence(database, experiment, change))
    made = _planned_and_recorded(database, publisher, replace(change, why=why), (experiment, plan), now_us)
    try:
        publisher.refresh(changed_by=change.actor)
    except (FairtrialError, OSError) as error:
        raise Unavailable(
            f"experiments.{change.experiment}: the {change.action} is recorded, but the configuration could not be "
            f"published; control tries again by itself ({error})"
        ) from error
    return made


def _published_experiment(_: Database, plan: Plan, name: str) -> Experiment:
    return find_experiment(plan, name)


def _refuse_fields_of_others(change: Change) -> None:
    if change.stage is not None and change.action not in ("approve", "stage"):
        raise BadRequest(f"stage: only an approval names a stage, not {change.action}")
    if change.options.promotes and change.action != "promote":
        raise BadRequest(f"variant, override, keep_control, keep_for: only a promotion has them, not {change.action}")
    kept_terms(change.options.keep_control, change.options.keep_for)
    if change.options.unit and (change.action != "approve" or change.stage is not None):
        raise BadRequest("unit: only an approval without a stage accepts units")
    if change.options.accept and change.action != "resume":
        raise BadRequest(f"accept: only a resume accepts a decline, not {change.action}")
    if change.options.rules and change.action != "amend":
        raise BadRequest(f"rules: only an amendment adopts the newest rules, not {change.action}")


def _rollback_evidence(database: Database, experiment: Experiment, change: Change) -> dict[str, Any]:
    """What a rule has found, and the promoted variant that the control replaces; ``None`` without a promotion."""
    last = transitions.last(database).get(experiment.name)
    return {**(change.evidence or {}), PROMOTED: promoted_by(last) or promoted_variant(experiment)}


def _refuse_without_proof(database: Database, name: str) -> None:
    if not standing_proofs(database, name):
        raise Conflict(
            f"experiments.{name}: there is nothing to withdraw, because nothing that its attempts have proven, and "
            "no roll-back or kill of it, still stands"
        )


def _refuse_impossible(database: Database, experiment: Experiment, action: Action) -> None:
    """Raise `Conflict` for an action that the state does not allow, before anything else is asked."""
    last = transitions.last(database).get(experiment.name)
    state: ExperimentState = state_without_rows(experiment) if last is None else last.to_state
    promoted, control = is_promoted(experiment, last), experiment.kept_control
    next_state(experiment.name, state, 1, action, promoted=promoted, kept_control=control)


def _with_plan(
    database: Database, publisher: Publisher, experiment: Experiment, change: Change, *, now_us: int
) -> tuple[Change, AnalysisPlan | None]:
    """The change with the analysis plan that it brings: that of an amendment, or of a control that is kept."""
    if change.action == "amend":
        return change, amended_plan(database, publisher, experiment, rules=change.options.rules, now_us=now_us)
    terms = kept_terms(change.options.keep_control, change.options.keep_for)
    if terms is None:
        return change, None
    evidence = dict(change.evidence or {})
    control, frozen = _kept_control(database, publisher, (experiment, evidence["variant"]), terms, now_us=now_us)
    evidence[KEPT] = msgspec.to_builtins(control)
    return replace(change, evidence=evidence), frozen


def _kept_control(
    database: Database, publisher: Publisher, promoted: tuple[Experiment, str], terms: KeptTerms, *, now_us: int
) -> tuple[KeptControl, AnalysisPlan]:
    """The control to keep after this variant of this experiment is ``promoted``, and the plan of its segment.

    The plan has the same guardrails and no primary metric. Its looks begin anew. Raises `BadRequest` and `Conflict`.
    """
    experiment, variant = promoted
    control = kept_control(experiment, variant, terms, now_us=now_us)
    coming = Live(None, "running", experiment.segment + 1, None, control)
    plan = publisher.declared_plan({experiment.name: coming})
    frozen = next_segment_plan(database, plan, plan.experiments[experiment.name], now_us=now_us)
    per_week = arrivals(database, frozen.routes, now_us=now_us).last
    most = experiment.variant(experiment.control).weight
    control = replace(control, finds=tuple(harm_is_found(frozen, terms, per_week=float(per_week), most=most)))
    return control, replace(frozen, kept_control=control)


def _read_changed_files(publisher: Publisher) -> None:
    """Publish a change of the files first. A failure must not prevent a kill if there is a plan to lay it over."""
    try:
        publisher.refresh()
    except (FairtrialError, OSError):
        if publisher.published is None:
            raise


def _record_kill_files(database: Database, publisher: Publisher, change: Change, now_us: int) -> Transition | None:
    """Record the kill files of the experiment first; returns the transition if the change is a kill, too.

    A start or a re-arm may have waited for control since before the kill, so it is refused.
    """
    try:
        recorded = record_kill_files(database, publisher, now_us=now_us, experiment=change.experiment)
    except OSError as error:
        raise Unavailable(f"experiments.{change.experiment}: its kill file can't be recorded yet ({error})") from error
    since_us = now_us - publisher.kills_recorded_us.get(change.experiment, -HOLD_US)
    if since_us < HOLD_US and change.action in ("start", "rearm"):
        raise Conflict(
            f"experiments.{change.experiment}: an emergency stop was recorded just now, so the {change.action} is "
            f"refused (if you still want it, repeat it after {HOLD_US // 1_000_000} seconds)"
        )
    return next(filter(None, recorded), None) if change.action == "kill" else None


def _approved_stage(experiment: Experiment, percent: float | None) -> float:
    """The stage to approve, by default the next one that needs it; raises `Conflict` or `BadRequest`."""
    waiting = [stage for stage in experiment.enrolment.approve if stage > experiment.stage]
    if not waiting:
        raise Conflict(f"experiments.{experiment.name}: no later stage needs an approval")
    if percent is not None and percent not in waiting:
        known = ", ".join(f"{stage:g}" for stage in waiting)
        raise BadRequest(f"experiments.{experiment.name}: {percent:g} does not wait for approval ({known})")
    return waiting[0] if percent is None else percent


def _planned_and_recorded(
    database: Database, publisher: Publisher, change: Change, around: tuple[Experiment, Plan], now_us: int
) -> Transition:
    """Plan and record the change, again and again until no other plan is frozen in between."""
    made = None
    while made is None:
        last = analysis_plans.last_number(database)
        planned, frozen = _with_plan(database, publisher, around[0], change, now_us=now_us)
        made = _record(database, planned, around, None if frozen is None else (frozen, last), now_us)
    return made


def _record(
    database: Database,
    change: Change,
    around: tuple[Experiment, Plan],
    brought: tuple[AnalysisPlan, int] | None,
    now_us: int,
) -> Transition | None:
    """Append the transition with its alarm or notice and the new analysis plan, if it brings one.

    ``brought``: that plan, and the number of the last one that was frozen before; ``None`` if there is a later one.
    """
    experiment, plan = around
    frozen = analysis_plans.newest(database, experiment.name) if experiment.name in plan.experiments else None
    other_model = frozen is not None and bool(changed_models(frozen.plan, plan, experiment))
    with database.transaction() as cursor:
        live = transitions.state_of(cursor, change.experiment, state_without_rows(experiment))
        if change.segment not in (None, live.segment):
            raise Conflict(f"experiments.{change.experiment}: segment {live.segment} began, so nothing was done")
        entered = transitions.entered(cursor, change.experiment)
        promoted = live.serves is not None or experiment.serves is not None
        evidence = change.evidence
        if change.action == "end" and live.kept_control is not None and live.state == "running":
            evidence = {**(evidence or {}), **transitions.kept_promotion(cursor, change.experiment)}
        lasting = {"end": WORSE, "pause": ACCEPTED}.get(change.action)  # why it ended, and what a resume accepted
        if lasting is not None and entered is not None and lasting in (entered.evidence or {}):
            evidence = {**(evidence or {}), lasting: (entered.evidence or {})[lasting]}
        state, segment = next_state(
            change.experiment,
            live.state,
            live.segment,
            change.action,
            cause=None if entered is None or live.state != "paused" else cause_of(entered),
            other_model=other_model,
            promoted=promoted,
            kept_control=live.kept_control,
            keeps=KEPT in (evidence or {}),
        )
        if brought is not None and not _freeze(cursor, change, brought, segment, now_us):
            return None
        made = Transition(
            change.experiment, now_us, change.action, live.state, state, segment,
            change.actor, change.why, plan.plan_hash, evidence, change.stage,
        )  # fmt: skip
        transitions.append(cursor, made)
        announce(cursor, made)
    return made


def _freeze(cursor: Cursor, change: Change, brought: tuple[AnalysisPlan, int], segment: int, now_us: int) -> bool:
    """Store the plan that the change brings for this segment; returns whether it is the next one."""
    frozen, last = brought
    if analysis_plans.last_number(cursor) != last:
        return False
    if frozen.segment != segment:
        raise Conflict(f"experiments.{change.experiment}: another segment began, so nothing was done")
    kind: Kind = "amend" if change.action == "amend" else "start"
    analysis_plans.append(cursor, frozen, kind=kind, now_us=now_us, actor=change.actor, why=change.why)
    return True
