"""Keeps what was stopped stopped, if the store is new, restored or an older copy: it adopts the published states."""

from collections.abc import Iterator
from dataclasses import replace

from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.plan import Plan
from fairtrial.experiments.lifecycle import FROM, RULES
from fairtrial.experiments.published_state import adopted_transitions, declared_transitions, state_without_rows
from fairtrial.store.access import audit
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.experiments import analysis_plans, transitions
from fairtrial.store.traffic.answers import was_excluded
from gateway.control.experiments.record_alarms import announce

ANEW = "to start it again, declare it under another name"


def adopt_published(database: Database, published: Plan | None, *, now_us: int) -> bool:
    """Record the transitions that the store lacks by the published plan; returns whether the store is older.

    Control calls it before anything else reads the states. Raises `StoreError`.
    """
    with database.transaction() as cursor:
        older = audit.is_set_back(cursor)
        if published is not None:
            for name, shown in published.experiments.items():
                live = transitions.state_of(cursor, name, state_without_rows(shown))
                _record(cursor, adopted_transitions(published, name, live, older=older, now_us=now_us))
    return older


def settle_declared(database: Database, published: Plan | None, plan: Plan, *, now_us: int) -> None:
    """Pause what would run by ``plan``, the declared one with the states of an older store, and was not published.

    Without a published plan these are all of them. A promotion that later records contradict is rolled back. What was
    published keeps its stage.
    """
    with database.transaction() as cursor:
        for name, experiment in plan.experiments.items():
            shown = None if published is None else published.experiments.get(name)
            undone = experiment.serves is not None and was_excluded(cursor, name)
            _record(cursor, declared_transitions(plan, experiment, shown, undone=undone, now_us=now_us))
        audit.append(cursor, now_us=now_us, actor=CONTROL, action="store.adopt", subject=plan.plan_hash)


def end_earlier_rules(database: Database, published: Plan | None, *, now_us: int) -> None:
    """End the experiments whose frozen plan this version no longer computes; what they have stored can be read.

    Control calls it before it publishes. Raises `StoreError`.
    """
    plan_hash = "" if published is None else published.plan_hash
    with database.transaction() as cursor:
        for name, stored in analysis_plans.newest_of_all(cursor).items():
            rules, live = stored.plan.rules, transitions.state_of(cursor, name, "running")
            if stored.plan.is_computed or live.state not in FROM["end"]:
                continue
            why = f"ended by upgrade: this version no longer computes its rules (number {rules}); {ANEW}"
            ended = Transition(name, now_us, "end", live.state, "ended", live.segment, CONTROL, why, plan_hash)
            _record(cursor, iter([replace(ended, evidence={RULES: rules})]))


def _record(cursor: Cursor, made: Iterator[Transition]) -> None:
    for transition in made:
        transitions.append(cursor, transition)
        if transition.action != "stage":  # the stage was reached before
            announce(cursor, transition)
