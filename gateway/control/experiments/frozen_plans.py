"""Starts and amends the frozen analysis plans of experiments, and sets the levels that their margins refer to."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from fairtrial.config.plan.hashes import definition_of
from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.errors import Conflict
from fairtrial.domain.plan import Experiment, Plan, Variant
from fairtrial.domain.promises import LEVEL_UNITS
from fairtrial.experiments.analysis.freeze import (
    Known,
    counts_anew,
    declared_fields,
    freeze,
    frozen_changes,
    with_earlier,
    with_level,
)
from fairtrial.experiments.analysis.frozen_guard import NEEDS_SALT, is_frozen
from fairtrial.experiments.analysis_plan import RULES, AnalysisPlan
from fairtrial.experiments.published_state import state_without_rows
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.experiments import analysis_plans, transitions
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.attempts import Definition, count_attempts
from fairtrial.store.experiments.sums import control_levels, unit_groups
from gateway.control.present import Publisher


def start_plan(database: Database, plan: Plan, experiment: Experiment, *, now_us: int) -> StoredPlan | None:
    """Freeze the analysis of an experiment that has just started, and store it; earlier exposures never count.

    Nothing is stored, and the result is ``None``, if ``plan`` is older than the store: if the segment has stopped or
    was frozen, or if any other plan was frozen meanwhile, because that may be an attempt.
    """
    last, attempt = analysis_plans.last_number(database), _attempt(database, plan, experiment)
    first = freeze(plan, experiment, now_us)
    known = with_earlier(first, _known(database, plan, experiment, first))
    frozen = replace(freeze(plan, experiment, now_us, known), attempt=attempt)
    route, deployment = _control_of(plan, experiment)
    why = "the experiment started" if experiment.segment == 1 else f"segment {experiment.segment} started"
    with database.transaction() as cursor:
        live = transitions.state_of(cursor, experiment.name, state_without_rows(experiment))
        newest = analysis_plans.newest(cursor, experiment.name)
        is_in_force = (live.state, live.segment) == ("running", experiment.segment)
        is_first = newest is None or not is_frozen({experiment.name: newest.plan}, experiment)
        if not (is_in_force and is_first and analysis_plans.last_number(cursor) == last):
            return None
        number = analysis_plans.append(cursor, frozen, kind="start", now_us=now_us, actor=CONTROL, why=why)
        if any(metric.earlier is not msgspec.UNSET for metric in frozen.metrics):
            unit_groups.keep_earlier(cursor, frozen, route=route, deployment=deployment)
    return StoredPlan(number, now_us, "start", CONTROL, why, frozen)


def next_segment_plan(database: Database, plan: Plan, experiment: Experiment, *, now_us: int) -> AnalysisPlan:
    """The plan of a segment that a promotion begins; it is no attempt, and takes over the levels that are known."""
    newest = analysis_plans.newest(database, experiment.name)
    known = _known(database, plan, experiment, freeze(plan, experiment, now_us))
    known |= {} if newest is None else _known_from(newest.plan, experiment, anew=True)
    return replace(freeze(plan, experiment, now_us, known), attempt=1 if newest is None else newest.plan.attempt)


def first_levels(cursor: Cursor, plan: AnalysisPlan, hashes: Sequence[str]) -> Iterator[tuple[str, Known]]:
    """The levels that the control's first units set, for metrics that have waited for them."""
    for metric in plan.metrics:
        if not metric.needs_level or metric.level is not None:
            continue
        level = control_levels.read_level(cursor, plan, metric, hashes, since_us=plan.from_us)
        if level is not None and level.units >= LEVEL_UNITS and level.level > 0:
            yield metric.metric, Known(level.level, level.cap)


def settle_level(database: Database, stored: StoredPlan, metric: str, known: Known, *, now_us: int) -> StoredPlan:
    """Store a level that the control's first units set; these units do not decide the metric.

    If the plan was amended meanwhile, nothing is stored, because the amendment would be lost.
    """
    plan = with_level(stored.plan, metric, known, from_us=now_us)
    why = f"the level of {metric} was measured on the control's first units"
    with database.transaction() as cursor:
        if not analysis_plans.is_newest(cursor, stored):
            return stored
        number = analysis_plans.append(cursor, plan, kind="levels", now_us=now_us, actor=CONTROL, why=why)
    return StoredPlan(number, now_us, "levels", CONTROL, why, plan)


def amended_plan(
    database: Database, publisher: Publisher, experiment: Experiment, *, rules: bool = False, now_us: int
) -> AnalysisPlan:
    """The analysis plan that the file declares now, as an amendment of the frozen one.

    ``rules``: adopt the rules of this version, as a new attempt.

    Raises `ConfigError` for an invalid file, and `Conflict` if there is nothing to amend or no amendment can do it.
    """
    name = experiment.name
    if experiment.state in ("killed", "ended"):
        raise Conflict(f"experiments.{name}: can't amend an experiment that is {experiment.state}")
    newest = analysis_plans.newest(database, name)
    stored = None if newest is None else newest.plan
    if stored is None or not is_frozen({name: stored}, experiment):
        raise Conflict(f"experiments.{name}: it has not started, so nothing is frozen; edit the file")
    plan = publisher.declared_plan()
    new = plan.experiments.get(name)
    if new is None:
        raise Conflict(f"experiments.{name}: the file has no such experiment any more; end it instead")
    _refuse_impossible(stored, experiment, new, rules=rules)
    anew = rules or counts_anew(stored, new)
    by_rules, known = RULES if rules else stored.rules, _known_from(stored, new, anew=anew)
    if anew:
        first = replace(freeze(plan, new, now_us, known, rules=by_rules), started_us=stored.started_us)
        known = _known(database, plan, new, first) | known
    amended = freeze(plan, new, now_us if anew else stored.from_us, known, rules=by_rules)
    return replace(
        amended,
        started_us=stored.started_us,
        revision=stored.revision + 1,
        attempt=_attempt(database, plan, new) if anew else stored.attempt,
        planned_units=amended.planned_units if anew else stored.planned_units,
    )


def _attempt(database: Database, plan: Plan, experiment: Experiment) -> int:
    """The number of the attempt that begins now."""
    definitions = {variant.name: definition_in(plan, variant) for variant in experiment.variants}
    control = definitions.pop(experiment.control)
    return 1 + count_attempts(database, control, definitions.values())


def definition_in(plan: Plan, variant: Variant) -> Definition:
    """What a variant serves by this plan."""
    return Definition(definition_of(plan, variant), plan.deployments[variant.deployment].digest)


def _refuse_impossible(stored: AnalysisPlan, experiment: Experiment, new: Experiment, *, rules: bool) -> None:
    name = new.name
    if rules and stored.rules == RULES:
        raise Conflict(f"experiments.{name}: it is decided by the newest rules (number {RULES}) already")
    changes = frozen_changes(stored, new)
    if stored.declared.get("salt") != declared_fields(new)["salt"]:
        raise Conflict(f"experiments.{name}: the file has a new salt, which starts the experiment anew by itself")
    if not changes and not rules:
        raise Conflict(f"experiments.{name}: the file says what is frozen; edit it first, then amend")
    if not changes.keys().isdisjoint(NEEDS_SALT):
        raise Conflict(
            f"experiments.{name}: {'; '.join(changes.values())}: no amendment can do that; give it a new salt"
        )
    if new.stage < experiment.stage:
        raise Conflict(
            f"experiments.{name}: the stage can't be lowered from {experiment.stage:g} to {new.stage:g} %; "
            "pause or kill the experiment instead"
        )


def _known(database: Database, plan: Plan, experiment: Experiment, first: AnalysisPlan) -> dict[str, Known]:
    """The control's levels in the 14 days before the start, and the caps that the file does not state."""
    route, deployment = _control_of(plan, experiment)
    with database.read_transaction() as cursor:
        levels = {
            metric.metric: control_levels.history_level(cursor, first, metric, route=route, deployment=deployment)
            for metric in first.metrics
            if metric.needs_level or metric.counts_requests
        }
    stated = _stated_caps(experiment)
    return {
        metric: Known(level.level, None if metric in stated else level.cap)
        for metric, level in levels.items()
        if level is not None
    }


def _control_of(plan: Plan, experiment: Experiment) -> tuple[str, str]:
    """The route of an experiment, and the deployment of its control."""
    route = next((name for name, route in plan.routes.items() if route.experiment == experiment.name), "")
    return route, experiment.variant(experiment.control).deployment


def _known_from(stored: AnalysisPlan, new: Experiment, *, anew: bool) -> dict[str, Known]:
    """What an amendment takes over. If all units still count, those that set a level still do not decide."""
    stated = _stated_caps(new)
    return {
        metric.metric: Known(
            metric.level,
            None if metric.metric in stated else metric.cap,
            metric.response,
            0 if anew else metric.from_us,
            metric.earlier,
        )
        for metric in stored.metrics
        if metric.level is not None or not anew
    }


def _stated_caps(experiment: Experiment) -> set[str]:
    """The metrics whose cap the file states."""
    return {metric.metric for metric in (experiment.primary, *experiment.watched) if metric is not None and metric.cap}
