"""Kills an experiment by a file beside the plan, which workers obey while control, the store or the disk fails."""

import secrets
import time

from fairtrial.api.experiment_answers import ExperimentStatus
from fairtrial.config.layout import Layout
from fairtrial.config.plan.live_state import KillFile, write_kill
from fairtrial.config.plan.published import read
from fairtrial.domain.errors import PlanRefused
from fairtrial.domain.plan import Plan
from fairtrial.experiments.lifecycle import checked_reason, next_state, unrecorded_kill
from fairtrial.experiments.published_state import find_experiment

ID_BYTES = 8


def kill_by_file(
    layout: Layout, name: str, why: str, *, actor: str, cause: str, nothing_waits: bool = False
) -> ExperimentStatus:
    """Write the kill file, and return the state as far as it is known.

    An experiment that is killed already gets one, too, because a re-arm may wait for control. ``nothing_waits``: no
    control runs, so nothing can do that. ``cause``: why it is not recorded yet. Raises
    `RequestError` if there is nothing to kill, and `OSError`.
    """
    plan = published_plan(layout)
    reason = checked_reason(why)
    experiment = None if plan is None else find_experiment(plan, name)
    if experiment is not None and (nothing_waits or experiment.state == "ended"):
        next_state(name, experiment.state, experiment.segment, "kill", promoted=experiment.serves is not None)
    kill = KillFile(name, time.time_ns() // 1000, actor, reason)
    path, complete = write_kill(layout, kill, secrets.token_hex(ID_BYTES))
    notes = [f"The gateway's workers obey {path} within a second. Control records the stop later and removes the file."]
    if not complete:
        notes += ["The disk is full, so the file has no reason. Control records its owner and its time."]
    if experiment is None:
        notes += ["The published configuration can't be read, so check the name of the experiment."]
    sentence = unrecorded_kill(kill, "the control" if experiment is None else experiment.control)
    return ExperimentStatus(
        name=name, state="killed", sentence=sentence, file=str(path), cause=cause, notes=tuple(notes)
    )


def published_plan(layout: Layout) -> Plan | None:
    """The plan that workers serve by; ``None`` if it can't be read."""
    try:
        return read(layout.plan).plan
    except PlanRefused:
        return None


def first_line(text: str) -> str:
    """The first line of an error, for a sentence that quotes it."""
    return text.partition("\n")[0].rstrip(".")
