"""Reads in which state an experiment is, and which frozen plan is in force, for its page and for verdicts."""

from __future__ import annotations

from dataclasses import replace

from fairtrial.domain.plan import Experiment
from fairtrial.experiments.analysis.freeze import declared_fields, with_later_end
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.box import Situation
from fairtrial.experiments.decision.decide import luck_of
from fairtrial.experiments.decision.values import Tried
from fairtrial.experiments.sums import Sums
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import alarms, analysis_plans, clock_anchors, transitions
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.attempts import count_tried

ERROR = "experiment.error"
"""The kind of the alarm that the looks at an experiment fail."""


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
    database: Database, experiment: Experiment, waits: tuple[str, ...] | None = None, *, now_us: int
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
        stage_since_us=since_us + clock_anchors.late_us(database, since_us),
        late_us=clock_anchors.late_us(database, began_us),
        waits=waits,
        approved=history.approved,
        serves=experiment.serves,
        kept=experiment.kept_control if experiment.state == "running" else None,
        error=alarms.text_of(database, ERROR, experiment.name) if experiment.state == "running" else "",
    )
