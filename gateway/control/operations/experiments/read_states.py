"""Reads the states of experiments: those of the published plan, and those that have ended and left the project file."""

from __future__ import annotations

from typing import Any

from fairtrial.config.plan.live_state import standing_kill
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.experiments.analysis.freeze import changed_models
from fairtrial.experiments.lifecycle import unrecorded_kill
from fairtrial.experiments.published_state import describe_removed, describe_state, find_experiment, removed_experiment
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import analysis_plans, transitions


def read_states(database: Database, plan: Plan, *, all_: bool = False) -> list[dict[str, Any]]:
    """The state of every published experiment, without hidden ones; raises `StoreError`.

    ``all_``: also those that are no longer in the project file.
    """
    hidden = transitions.archived(database)
    names = [name for name in plan.experiments if name not in hidden]
    if all_:
        names += [name for name in _removed(database, plan) if name not in hidden]
    return [read_state(database, plan, name) for name in names]


def read_state(database: Database, plan: Plan, name: str) -> dict[str, Any]:
    """The state of one experiment, hidden or not; raises `NotFound` and `StoreError`."""
    last, archived = transitions.last(database).get(name), name in transitions.archived(database)
    stored = analysis_plans.newest(database, name)
    if name not in plan.experiments and last is not None and stored is not None:
        return describe_removed(stored.plan, last, archived=archived)
    experiment = find_experiment(plan, name)
    state = describe_state(
        plan,
        name,
        last,
        entered=transitions.all_entered(database).get(name),
        other_model=stored is not None and bool(changed_models(stored.plan, plan, experiment)),
        archived=archived,
    )
    kill = standing_kill(database.layout.folder, experiment)
    return state if kill is None else state | {"sentence": unrecorded_kill(kill, experiment.control)}


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
