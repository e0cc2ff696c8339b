"""Pauses experiments that a new plan removes or whose model it replaces, and restarts the stages of a new salt."""

from fairtrial.domain.plan import Plan
from fairtrial.experiments.analysis.frozen_guard import Frozen, begun_anew, paused_by_models
from fairtrial.experiments.lifecycle import MODELS, Transition
from fairtrial.store.access.audit import CONTROL
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import transitions
from gateway.control.operations.record_alarms import announce


def pause_changed_models(database: Database, frozen: Frozen, plan: Plan, *, now_us: int) -> bool:
    """Pause running experiments whose variants would get another model by this plan; returns whether any was."""
    changed = paused_by_models(frozen, plan)
    for name, variants in changed.items():
        why = f"the model of {' and '.join(variants)} was replaced; a resume starts a new segment"
        with database.transaction() as cursor:
            live = transitions.state_of(cursor, name)
            if live.state == "running":
                evidence = {MODELS: list(variants)}
                made = Transition(
                    name, now_us, "pause", "running", "paused", live.segment, CONTROL, why, plan.plan_hash, evidence
                )
                transitions.append(cursor, made)
                announce(cursor, made)
    return bool(changed)


def restart_stages(database: Database, frozen: Frozen, plans: tuple[Plan, Plan], *, now_us: int) -> bool:
    """Return experiments with a new salt to their first stage, because all of their units are new.

    ``plans``: as the file declares it, and with the live states. Returns whether there was any.
    """
    declared, plan = plans
    anew = begun_anew(frozen, declared, plan)
    for name, stage in anew.items():
        why = f"a new salt starts it anew, at {stage:g} %"
        with database.transaction() as cursor:
            live = transitions.state_of(cursor, name)
            state, segment = live.state, live.segment
            transitions.append(
                cursor,
                Transition(name, now_us, "stage", state, state, segment, CONTROL, why, plan.plan_hash, None, stage),
            )
    return bool(anew)


def pause_removed(database: Database, before: Plan | None, plan: Plan, *, now_us: int) -> None:
    """Pause running experiments that the file no longer has, so that their units of that time do not decide."""
    for name, old in before.experiments.items() if before else ():
        if name in plan.experiments or old.state != "running":
            continue
        with database.transaction() as cursor:
            live = transitions.state_of(cursor, name)
            if live.state == "running":
                why = "the project file no longer has the experiment"
                made = Transition(
                    name, now_us, "pause", "running", "paused", live.segment, CONTROL, why, plan.plan_hash
                )
                transitions.append(cursor, made)
                announce(cursor, made)
