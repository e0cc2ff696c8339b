"""Describes the state of a published experiment: its rows, the published plan, and the possible actions."""

from collections.abc import Iterator
from dataclasses import replace

from fairtrial.api.experiment_answers import ExperimentStatus
from fairtrial.config.plan.live_state import CAN_BE_KILLED, Live
from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.decision.transition import Action, Transition
from fairtrial.domain.errors import NotFound, nearest
from fairtrial.domain.plan import Experiment, Plan, Variant
from fairtrial.domain.settings import ExperimentState
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.lifecycle import PROMOTED, cause_of, possible, promoted_by, sentence
from fairtrial.experiments.promotion import definition, file_edit

REMOVED = "It is no longer in the project file."


def find_experiment(plan: Plan, name: str) -> Experiment:
    """The published experiment; raises `NotFound`, which names the nearest one."""
    experiment = plan.experiments.get(name)
    if experiment is None:
        known = nearest(name, plan.experiments) if plan.experiments else "the project has none"
        raise NotFound(f"experiments: there is no experiment {name!r} ({known})", code="experiment_not_found")
    return experiment


def describe_state(
    plan: Plan,
    name: str,
    last: Transition | None,
    *,
    entered: Transition | None = None,
    other_model: bool = False,
    archived: bool = False,
    accepted: tuple[str, ...] = (),
) -> ExperimentStatus:
    """The state of a published experiment. What is possible depends mainly on the rows.

    ``entered``: the transition into the state. ``other_model``: whether a variant serves something else than its plan
    froze. ``archived``: whether a person has hidden it. ``accepted``: as in `ExperimentStatus`.
    """
    experiment = plan.experiments[name]
    state: ExperimentState = state_without_rows(experiment) if last is None else last.to_state
    segment = 1 if last is None else last.segment
    shown = last if state in ("declared", "running") or entered is None else entered
    control = experiment.kept_control
    words = sentence(experiment.name, experiment.control, state, shown, kept_control=control)
    if (state, segment, promoted_by(last)) != (experiment.state, experiment.segment, experiment.serves):
        words += f" {_difference(experiment, last)}"
    edit = file_edit(plan, experiment)
    if edit is not None and not edit.in_force:
        words += f" {edit.note}"
    return ExperimentStatus(
        name=experiment.name,
        state=experiment.state,
        segment=experiment.segment,
        stage=experiment.stage,
        serves=experiment.serves,
        kept_control=control if experiment.state in ("running", "paused") else None,
        treatments=experiment.treatments,
        sentence=words,
        possible=tuple(
            possible(
                state,
                promoted=is_promoted(experiment, last),
                cause=None if entered is None or state != "paused" else cause_of(entered),
                other_model=other_model,
                kept_control=control,
            )
        ),
        archived=archived,
        edit=edit,
        last_transition=last,
        accepted=accepted,
    )


def describe_removed(frozen: AnalysisPlan, last: Transition, *, archived: bool = False) -> ExperimentStatus:
    """As `describe_state`, of an experiment that the project file no longer has. Nothing but archiving is possible."""
    name = frozen.experiment
    return ExperimentStatus(
        name=name,
        state=last.to_state,
        segment=last.segment,
        treatments=tuple(frozen.treatments),
        sentence=f"{sentence(name, frozen.control, last.to_state, last)} {REMOVED}",
        possible=("archive",) if last.to_state == "ended" and not archived else (),
        in_file=False,
        archived=archived,
        last_transition=last,
    )


def removed_experiment(frozen: AnalysisPlan, last: Transition) -> Experiment:
    """An experiment that the file no longer has, as far as its frozen plan and its rows tell."""
    return Experiment(
        name=frozen.experiment,
        question=REMOVED,
        unit=frozen.unit,
        control=frozen.control,
        variants=tuple(Variant(name, "", 100 * share) for name, share in frozen.shares.items()),
        salt="",
        stage=frozen.enrolment.stages[0],
        state=last.to_state,
        segment=frozen.segment,
        analysis_hash=frozen.analysis_hash,
        enrolment=frozen.enrolment,
    )


def is_promoted(experiment: Experiment, last: Transition | None) -> bool:
    """By the rows, or by the published plan if a restored store lacks them."""
    return promoted_by(last) is not None or experiment.serves is not None


def state_without_rows(experiment: Experiment) -> ExperimentState:
    """The state of an experiment without any transition, which a published plan can contradict after a restore."""
    return "declared" if experiment.state == "declared" else "running"


def adopted_transitions(plan: Plan, name: str, live: Live, *, older: bool, now_us: int) -> Iterator[Transition]:
    """The transitions that the store lacks, by the published plan, which is then newer than its rows.

    No transition leads back to an earlier segment, nor from killed or ended within one. Other differences count only if
    the store is known to be ``older``, and none makes an experiment run that the store has stopped in this segment.
    """
    shown, control = plan.experiments[name], plan.experiments[name].kept_control
    state, serves, begun = shown.state, shown.serves, shown.segment > live.segment
    if shown.segment < live.segment or (begun and live.state == "ended"):
        return
    if control is not None and begun and state in CAN_BE_KILLED:  # the plan of its segment is lost, so it ends
        serves = control.variant if state == "running" else None
        state = "ended"
    at: ExperimentState = "running" if begun else live.state
    first = Transition(name, now_us, "stage", at, "running", shown.segment, CONTROL, "", plan.plan_hash)
    if state in CAN_BE_KILLED and (begun or (older and at in ("declared", "running"))):
        if begun or at == "declared" or live.stage not in (None, shown.stage):
            yield replace(first, why=_has(f"it running at {shown.stage:g} %"), stage=shown.stage)
        if state == "paused":
            yield replace(first, action="pause", from_state="running", to_state="paused", why=_has("it paused"))
    elif state == "killed" and at not in ("killed", "ended"):
        yield replace(first, action="kill", to_state="killed", why=_has("it stopped"))
    elif state == "ended" and serves is not None and at not in ("killed", "ended"):
        why, evidence = _has(f"{serves} promoted"), {"variant": serves, **definition(plan, shown.variant(serves))}
        yield replace(first, action="promote", to_state="ended", why=why, evidence=evidence)
    elif state == "ended" and serves is None and (at != "ended" or live.serves is not None):
        undone = None if live.serves is None else {PROMOTED: live.serves}
        action: Action = "end" if undone is None else "rollback"
        yield replace(first, action=action, to_state="ended", why=_has("it ended"), evidence=undone)


def _has(state: str) -> str:
    return f"the store is older than the published configuration, which has {state}, and does not know why"


def declared_transitions(
    plan: Plan, experiment: Experiment, shown: Experiment | None, *, undone: bool, now_us: int
) -> Iterator[Transition]:
    """What an older store lacks by the declared ``plan``: the published stage, or a stop if no plan is ``shown``.

    ``undone``: by a later record, the promotion in the store was rolled back.
    """
    why = "the store is older than what was served, and no published configuration has it, so it waits for a person"
    pause = Transition(
        experiment.name, now_us, "pause", "running", "paused", experiment.segment, CONTROL, why, plan.plan_hash
    )
    if shown is not None:
        if experiment.state in CAN_BE_KILLED and experiment.stage < shown.stage:
            state, why = experiment.state, _has(f"it running at {shown.stage:g} %")
            yield replace(pause, action="stage", from_state=state, to_state=state, why=why, stage=shown.stage)
    elif experiment.serves is not None and undone:
        evidence = {PROMOTED: experiment.serves}
        yield replace(pause, action="rollback", from_state="ended", to_state="ended", evidence=evidence)
    elif experiment.state == "running":
        yield pause


def _difference(experiment: Experiment, last: Transition | None) -> str:
    if experiment.serves is not None and last is not None and last.action == "rollback":
        return f"The published configuration does not show this yet: {experiment.serves} still serves everyone."
    return f"The published configuration does not show this yet: its state is {experiment.state}."
