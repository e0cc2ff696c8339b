"""Reads the states of experiments, and records kills that workers received through kill files."""

import logging
from pathlib import Path

from msgspec.structs import replace

from fairtrial.api.experiment_answers import ExperimentStatus
from fairtrial.config.plan.live_state import (
    CAN_BE_KILLED,
    UNUSED,
    KillFile,
    experiment_of,
    read_kill,
    standing_kill,
    standing_kills,
)
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.errors import FairtrialError, Unavailable
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.experiments.analysis.freeze import changed_models
from fairtrial.experiments.decision.acceptance import accepted_by, accepted_texts
from fairtrial.experiments.lifecycle import shortened, unrecorded_kill
from fairtrial.experiments.published_state import (
    describe_removed,
    describe_state,
    find_experiment,
    removed_experiment,
    state_without_rows,
)
from fairtrial.safe_files import sync_folder
from fairtrial.store.access import audit
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.experiments import analysis_plans, transitions
from gateway.control.experiments.record_alarms import announce
from gateway.control.present import Publisher, published_plan

KILL_FILE = "kill_file"
"""The key of the evidence of a kill that a file brought: the file's name and time."""

log = logging.getLogger("fairtrial.control")


def read_states(database: Database, plan: Plan, *, all_: bool = False) -> list[ExperimentStatus]:
    """The state of every published experiment, without hidden ones; raises `StoreError`.

    ``all_``: also those that are no longer in the project file.
    """
    hidden = transitions.archived(database)
    names = [name for name in plan.experiments if name not in hidden]
    if all_:
        names += [name for name in _removed(database, plan) if name not in hidden]
    return [read_state(database, plan, name) for name in names]


def read_state(database: Database, plan: Plan, name: str) -> ExperimentStatus:
    """The state of one experiment, hidden or not; raises `NotFound` and `StoreError`."""
    last, archived = transitions.last(database).get(name), name in transitions.archived(database)
    stored = analysis_plans.newest(database, name)
    if name not in plan.experiments and last is not None and stored is not None:
        return describe_removed(stored.plan, last, archived=archived)
    experiment = find_experiment(plan, name)
    entered = transitions.all_entered(database).get(name)
    state = describe_state(
        plan,
        name,
        last,
        entered=entered,
        other_model=stored is not None and bool(changed_models(stored.plan, plan, experiment)),
        archived=archived,
        accepted=() if stored is None else tuple(accepted_texts(stored.plan, accepted_by(entered))),
    )
    kill = standing_kill(database.layout.folder, experiment)
    return state if kill is None else replace(state, sentence=unrecorded_kill(kill, experiment.control))


def known_experiment(database: Database, plan: Plan, name: str) -> Experiment:
    """The published experiment, or what is known of one that left the file; raises `NotFound` and `StoreError`."""
    stored, last = analysis_plans.newest(database, name), transitions.last(database).get(name)
    if name in plan.experiments or stored is None or last is None:
        return find_experiment(plan, name)
    return removed_experiment(stored.plan, last)


def _removed(database: Database, plan: Plan) -> list[str]:
    """Experiments with a frozen plan and a transition that the published plan no longer has."""
    moved = transitions.last(database)
    return [name for name in analysis_plans.newest_of_all(database) if name in moved and name not in plan.experiments]


def record_kill_files(
    database: Database, publisher: Publisher, *, now_us: int, experiment: str | None = None
) -> list[Transition | None]:
    """Record every kill file, by default of all experiments; returns the transition of each, ``None`` without one.

    Safe to repeat after a program died in between: a kill is recorded once, and a file stays until the plan has the
    kill. Raises the first error at the end, so that one file does not keep the others from being recorded.
    """
    paths = [path for path in standing_kills(database.layout.folder) if experiment in (None, experiment_of(path.name))]
    if not paths or publisher.published is None:
        return []
    recorded: list[Transition | None] = []
    errors: list[FairtrialError | OSError] = []
    for path in paths:
        try:
            recorded.append(_adopt(database, publisher, path, now_us))
        except FileNotFoundError:
            continue  # another thread has recorded it
        except (FairtrialError, OSError) as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return recorded


def _adopt(database: Database, publisher: Publisher, path: Path, now_us: int) -> Transition | None:
    kill, ident = read_kill(path), f"{path.name} {path.stat().st_mtime_ns}"
    with database.transaction() as cursor:
        made = _record(cursor, published_plan(publisher), kill, ident, now_us)
    publisher.refresh(changed_by=kill.actor)
    served = published_plan(publisher).experiments.get(kill.experiment)
    if served is not None and served.state in CAN_BE_KILLED:
        raise Unavailable(f"{path}: the published configuration does not have this kill yet, so the file stays")
    publisher.kills_recorded_us[kill.experiment] = now_us
    if served is None and kill.experiment not in transitions.last(database):
        path.rename(f"{path}{UNUSED}")
    else:
        path.unlink(missing_ok=True)
    sync_folder(path.parent)
    log.warning("experiment %s: recorded the kill of %s: %s by %s", kill.experiment, path.name, kill.why, kill.actor)
    return made


def _record(cursor: Cursor, plan: Plan, kill: KillFile, ident: str, now_us: int) -> Transition | None:
    """Append the transition, or a note in the audit trail if the experiment was not running any more."""
    experiment = plan.experiments.get(kill.experiment)
    declared = "ended" if experiment is None else state_without_rows(experiment)
    live = transitions.state_of(cursor, kill.experiment, declared)
    entered = transitions.entered(cursor, kill.experiment)
    if live.state in CAN_BE_KILLED:
        after_us = 0 if entered is None else entered.at_us
        at_us = max(after_us, min(kill.at_us, now_us))
        why, evidence = shortened(kill.why), {KILL_FILE: ident}
        made = Transition(
            kill.experiment,
            at_us,
            "kill",
            live.state,
            "killed",
            live.segment,
            kill.actor,
            why,
            plan.plan_hash,
            evidence,
        )
        transitions.append(cursor, made)
        announce(cursor, made)
        return made
    if entered is None or (entered.evidence or {}).get(KILL_FILE) != ident:
        state = "unknown" if experiment is None and entered is None else live.state
        details = {"why": kill.why, "state": state}
        audit.append(
            cursor,
            now_us=now_us,
            actor=kill.actor,
            action="experiment.kill_file",
            subject=kill.experiment,
            details=details,
        )
    return None
