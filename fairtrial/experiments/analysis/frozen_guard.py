"""Checks a new plan against frozen analysis plans: which edits a running experiment allows, and who would move."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from fairtrial.config.plan.retirement import retirement_of
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.experiments.analysis.freeze import changed_models, declared_fields, frozen_changes
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.promotion import Promotions, refused_promotions

Frozen = Mapping[str, AnalysisPlan]
"""The newest analysis plan of each experiment that has started."""
NEEDS_SALT = ("unit", "control")
"""Frozen fields that no amendment can change, because units would change arms."""


def is_frozen(frozen: Frozen, experiment: Experiment) -> bool:
    """Whether the newest analysis plan is that of this experiment in this segment.

    A new salt makes another experiment of it, which starts with its own plan.
    """
    plan = frozen.get(experiment.name)
    if plan is None or plan.segment != experiment.segment or experiment.state not in ("running", "paused"):
        return False
    return bool(plan.declared.get("salt") == declared_fields(experiment)["salt"])


def is_amended(frozen: Frozen, experiment: Experiment) -> bool:
    """Whether the newest analysis plan says what the file says."""
    return is_frozen(frozen, experiment) and not frozen_changes(frozen[experiment.name], experiment)


def refused_changes(
    frozen: Frozen, before: Plan | None, new: Plan, *, promotions: Promotions, today: date
) -> dict[str, str]:
    """One sentence for each experiment whose frozen fields an edit changes, whose stage it lowers, or whose units move.

    So is the promoted variant of a route, if an edit replaces what it serves, and a new experiment with a deployment
    that has ended by ``today``. ``before``: the published plan; ``promotions``: the evidence of those in force.
    """
    refusals: dict[str, str] = {}
    for name, experiment in new.experiments.items():
        old = None if before is None else before.experiments.get(name)
        sentence = _unstarted(frozen, experiment) or _frozen(frozen, experiment) or _lowered(frozen, old, experiment)
        if old is None and name not in frozen:
            sentence = sentence or _retired(new, experiment, today)
        if sentence is None and old is not None and not is_amended(frozen, experiment):
            sentence = reassignment(old, experiment)
        if sentence is not None:
            refusals[name] = sentence
    return refusals | refused_promotions(promotions, before, new)


def begun_anew(frozen: Frozen, declared: Plan, new: Plan) -> dict[str, float]:
    """The first stage of each started experiment that a new salt begins anew while it is at a later stage."""
    stages: dict[str, float] = {}
    for name, experiment in new.experiments.items():
        plan = frozen.get(name)
        same = plan is not None and plan.segment == experiment.segment and experiment.state in ("running", "paused")
        if same and not is_frozen(frozen, experiment) and experiment.stage > declared.experiments[name].stage:
            stages[name] = declared.experiments[name].stage
    return stages


def paused_by_models(frozen: Frozen, new: Plan) -> dict[str, tuple[str, ...]]:
    """The variants behind which the plan puts another model, by running experiment; these experiments are paused."""
    paused = {
        name: changed_models(frozen[name], new, experiment)
        for name, experiment in new.experiments.items()
        if experiment.state == "running" and is_frozen(frozen, experiment)
    }
    return {name: variants for name, variants in paused.items() if variants}


def _unstarted(frozen: Frozen, experiment: Experiment) -> str | None:
    """A start that is set to manual afterwards would serve the control to everyone without a transition."""
    if experiment.state != "declared" or not is_frozen(frozen, replace(experiment, state="running")):
        return None
    return (
        f"the experiment has started, so enroll.start: manual would stop it without "
        f"a record (fairtrial experiment pause {experiment.name} --why …, or give it a new salt, which starts it anew)"
    )


def _retired(plan: Plan, experiment: Experiment, today: date) -> str | None:
    """A new experiment with deployments that have ended; one that runs already goes on."""
    ended = {
        variant.name: retirement
        for variant in experiment.variants
        if (retirement := retirement_of(plan.deployments[variant.deployment])) is not None and retirement.is_over(today)
    }
    if not ended:
        return None
    said = " and ".join(f"{one.deployment} ended on {one.day} ({one.source})" for one in ended.values())
    return (
        f"{said}, so no experiment begins with {'it' if len(ended) == 1 else 'them'} "
        f"(remove {' and '.join(ended)}, or correct the shutdown_date)"
    )


def _frozen(frozen: Frozen, experiment: Experiment) -> str | None:
    if not is_frozen(frozen, experiment):
        return None
    changes = frozen_changes(frozen[experiment.name], experiment)
    return _sentence(experiment, changes) if changes else None


def _lowered(frozen: Frozen, old: Experiment | None, experiment: Experiment) -> str | None:
    same = old is not None and old.segment == experiment.segment and is_frozen(frozen, experiment)
    if old is None or not same or experiment.stage >= old.stage:
        return None
    return (
        f"lowering the stage from {old.stage:g} to {experiment.stage:g} % would move "
        f"units that have seen a variant to {experiment.control} (pause or stop the experiment instead)"
    )


def _sentence(experiment: Experiment, changes: Mapping[str, str]) -> str:
    listed = "; ".join(changes.values())
    text = f"the experiment has started, so its plan is frozen ({listed})"
    salt = "give it a new salt, which starts it anew"
    if not changes.keys().isdisjoint(NEEDS_SALT):
        return f"{text}: {salt}"
    return f"{text}: amend it (fairtrial experiment amend {experiment.name} --why …), or {salt}"


def reassignment(old: Experiment, new: Experiment) -> str | None:
    """Why an experiment that keeps its declared salt would assign some units to another arm; ``None`` if it would not.

    The unit's kind, the variants' names, their shares or the control has changed. A stage only adds units. A new
    segment assigns all units anew, on purpose, and is accepted if nothing else changes.
    """
    # A re-arm changes the salt by itself, so a new segment must not hide another change of the split. A segment with a
    # kept control has other shares by itself, and the segments before and after it the declared ones.
    anew = old.salt != new.salt and new.segment <= old.segment
    if anew or _arms(old) == _arms(new) or (old.kept_control is not None and new.segment != old.segment):
        return None
    salt = new.salt if new.segment == 1 else new.name  # the salt of a later segment is derived
    return (
        f"the change from {_described(old)} to {_described(new)} would move units "
        f"to other arms during the experiment "
        f"(give it a new salt, such as salt: {salt}-{new.segment + 1}, which starts it anew)"
    )


def _arms(experiment: Experiment) -> tuple[object, ...]:
    shares = sorted((variant.name, variant.weight) for variant in experiment.variants)
    return (experiment.unit, experiment.control, shares)


def _described(experiment: Experiment) -> str:
    shares = ", ".join(f"{variant.name} {variant.weight:g}" for variant in experiment.variants)
    return f"[{shares}; control {experiment.control}, by {experiment.unit}]"
