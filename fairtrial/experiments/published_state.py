"""Describes the state of a published experiment: its rows, the published plan, and the possible actions."""

from typing import Any

from fairtrial.domain.errors import NotFound, nearest
from fairtrial.domain.plan import Experiment, Plan, Variant
from fairtrial.domain.settings import ExperimentState
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.lifecycle import Transition, cause_of, possible, promoted_by, sentence, unrecorded
from fairtrial.experiments.promotion import file_edit

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
) -> dict[str, Any]:
    """The state of a published experiment as the API returns it. What is possible depends mainly on the rows.

    ``entered``: the transition into the state. ``other_model``: whether a variant serves something else than its plan
    froze. ``archived``: whether a person has hidden it.
    """
    experiment = plan.experiments[name]
    state: ExperimentState = state_without_rows(experiment) if last is None else last.to_state
    segment = 1 if last is None else last.segment
    shown = last if state in ("declared", "running") or entered is None else entered
    control = experiment.kept_control
    words = sentence(experiment.name, experiment.control, state, shown, kept_control=control)
    if (state, segment, promoted_by(last)) != (experiment.state, experiment.segment, experiment.serves):
        words += f" {_difference(experiment, state, last)}"
    edit = file_edit(plan, experiment)
    if edit is not None and not edit.in_force:
        words += f" {edit.note}"
    return {
        "name": experiment.name,
        "state": experiment.state,
        "segment": experiment.segment,
        "stage": experiment.stage,
        "serves": experiment.serves,
        "kept_control": control if experiment.state in ("running", "paused") else None,
        "treatments": [variant.name for variant in experiment.variants if variant.name != experiment.control],
        "sentence": words,
        "possible": possible(
            state,
            promoted=is_promoted(experiment, last),
            cause=None if entered is None or state != "paused" else cause_of(entered),
            other_model=other_model,
            kept_control=control,
        ),
        "in_file": True,
        "archived": archived,
        "edit": edit,
        "last_transition": last,
    }


def describe_removed(frozen: AnalysisPlan, last: Transition, *, archived: bool = False) -> dict[str, Any]:
    """As `describe_state`, of an experiment that the project file no longer has. Nothing but archiving is possible."""
    name = frozen.experiment
    return {
        "name": name,
        "state": last.to_state,
        "segment": last.segment,
        "stage": None,
        "serves": None,
        "kept_control": None,
        "treatments": list(frozen.treatments),
        "sentence": f"{sentence(name, frozen.control, last.to_state, last)} {REMOVED}",
        "possible": ["archive"] if last.to_state == "ended" and not archived else [],
        "in_file": False,
        "archived": archived,
        "edit": None,
        "last_transition": last,
    }


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


def _difference(experiment: Experiment, state: ExperimentState, last: Transition | None) -> str:
    if experiment.serves is not None and last is not None and last.action == "rollback":
        return f"The published configuration does not show this yet: {experiment.serves} still serves everyone."
    if experiment.serves is not None:
        return (
            f"But the published configuration has {experiment.serves} promoted, so {experiment.serves} serves "
            f"everyone. {unrecorded(experiment.name)}"
        )
    if experiment.state in ("killed", "ended") and state in ("running", "paused"):
        return (
            f"But the published configuration has it {experiment.state}, so all traffic is on {experiment.control}: "
            "the store lacks that transition, as after restoring a backup. To start it: kill it, then rearm it."
        )
    return f"The published configuration does not show this yet: its state is {experiment.state}."
